"""`rag ask` and `rag search`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click

from rag_service.cli.conditions import filters_of
from rag_service.cli.context import ABSTAINED, Session, service_command

_QUOTE_CHARS = 300
_LACKING = {
    "embedding": "looked for by words only, because the part that compares meanings did not answer.",
    "index": "found in a stand-in of the index, which may lack the newest changes.",
    "feedback": "passages unlike the best ones may stand higher than usual, because the index did not answer twice.",
    "rerank": "not all passages were looked at a second time, so their order is a little rougher.",
}


@click.command(epilog="Ends with code 3 when the documents do not say.")
@click.argument("question")
@click.option("--corpus", required=True, help='Corpus to ask: "name", or "name@12" for an old version.')
@service_command
def ask(session: Session, question: str, corpus: str) -> None:
    """Ask a question and show the answer with its citations."""
    status = _ask_json(session, corpus, question) if session.as_json else _ask_aloud(session, corpus, question)
    if status == "abstained":
        raise click.exceptions.Exit(ABSTAINED)


@click.command()
@click.argument("query")
@click.option("--corpus", required=True, help='Corpus to search: "name", or "name@12" for an old version.')
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 50), help="Passages to show.")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="Only documents of which it holds: key=value, !=, <, <=, >, >=. Repeat it for more; all have to hold.",
)
@click.option("--exact", is_flag=True, help="Compare with every chunk: slower, and repeatable at an old version.")
@service_command
def search(session: Session, query: str, corpus: str, limit: int, *, conditions: Sequence[str], exact: bool) -> None:
    """Find passages, without answering."""
    found = session.client.search_reply(corpus, query, limit=limit, exact=exact, filters=filters_of(conditions))
    hits = found["data"]
    session.show(hits, "\n\n".join(_hit_lines(hits)) or "Nothing found.")
    _tell_circumstances(found)


def _ask_json(session: Session, corpus: str, question: str) -> str:
    completion = session.client.ask(corpus, question)
    message = completion["choices"][0]["message"]
    x_rag = completion["x_rag"]
    session.show({"answer": message["content"], "citations": message.get("citations", []), **x_rag}, "")
    return str(x_rag["status"])


def _ask_aloud(session: Session, corpus: str, question: str) -> str:
    from rag_service.client import Ended, Unit  # noqa: PLC0415  (loads HTTP)

    citations: list[dict[str, Any]] = []
    x_rag: dict[str, Any] = {}
    for event in session.client.ask_stream(corpus, question):
        if isinstance(event, Unit):
            click.echo(event.text, nl=False)
            citations += event.citations
        elif isinstance(event, Ended):
            x_rag = event.x_rag
    click.echo()
    _show_citations(citations)
    status = str(x_rag.get("status", ""))
    if status == "partial":
        click.echo("\nPartial: some of what was generated could not be supported and was left out.", err=True)
    _tell_circumstances(x_rag)
    return status


def _tell_circumstances(told: dict[str, Any]) -> None:
    """Say beside the output what a search or an answer did without, and whether it was written before."""
    for reason in told.get("degraded_reasons") or ():
        click.echo(f"\nNote: {_LACKING.get(reason, 'a part of the search did not answer.')}", err=True)
    if told.get("cached"):
        click.echo("\nNote: written before for the same question and sources.", err=True)


def _show_citations(citations: Iterable[dict[str, Any]]) -> None:
    seen: set[tuple[Any, ...]] = set()
    for citation in citations:
        identity = (citation["number"], citation["document_id"], citation["char_start"], citation["char_end"])
        if identity not in seen:
            click.echo(("" if seen else "\n") + _citation_line(citation))
            seen.add(identity)


def _citation_line(citation: dict[str, Any]) -> str:
    return f"[{citation['number']}] {citation['filename']}{_place(citation)}: “{_shortened(citation['quote'])}”"


def _hit_lines(hits: Iterable[dict[str, Any]]) -> Iterator[str]:
    for rank, hit in enumerate(hits, start=1):
        text = " ".join(part["text"] for part in hit.get("content", []))
        yield f"{rank}. {hit['filename']}{_place(hit)}  ({hit['score']:.3f})\n   {_shortened(text)}"


def _place(found: dict[str, Any]) -> str:
    page = f"page {found['page']}" if found.get("page") else ""
    place = found.get("location") or page
    return f", {place}" if place else ""


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTE_CHARS else line[: _QUOTE_CHARS - 1] + "…"
