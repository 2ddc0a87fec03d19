"""`rag golden`: the questions a corpus must be able to answer."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rag_service.cli.context import INCOMPLETE, Session, corpus_option, service_command
from rag_service.errors import InvalidRequest

if TYPE_CHECKING:
    from rag_service.client import Json

STATES = ("proposed", "accepted", "rejected")
_CHOICES = {"a": "accept", "r": "reject", "s": "skip", "q": "quit"}

_state_option = click.option("--state", type=click.Choice(STATES), help="Only questions in this state.")


@click.group()
def golden() -> None:
    """Keep golden questions: what a corpus must be able to answer before a draft of it is published."""


@golden.command("list")
@corpus_option
@_state_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Questions to show.")
@service_command
def list_golden(session: Session, corpus: str, state: str | None, limit: int) -> None:
    """List golden questions, newest first, and say what gate they make."""
    found = list(islice(session.client.golden(corpus, state=state), limit))
    counts = session.client.golden_counts(corpus)
    session.show(
        {"counts": counts, "data": found}, "\n".join([*map(_line, found), *([""] if found else []), _counted(counts)])
    )


@golden.command("add")
@click.argument("question", required=False)
@corpus_option
@click.option("--answer", "answers", multiple=True, help="A wording of the right answer (repeatable).")
@click.option("--quote", help="Words of a published document that hold the answer.")
@click.option("--document", help="Key of the document that --quote is from.")
@click.option("--unanswerable", is_flag=True, help="The documents do not say: not answering is right.")
@click.option("--note", default="", help="For people who read the question later.")
@click.option("--from-answer", "answer_id", help="Propose the question of an answer that has feedback, by its id.")
@service_command
def add(session: Session, /, question: str | None, corpus: str, **given: str | tuple[str, ...] | bool | None) -> None:
    """Add QUESTION, which counts at once; or propose one with --from-answer."""
    if (question is None) == (given["answer_id"] is None):
        raise click.UsageError("Give a QUESTION or --from-answer.")
    if question is None:
        made = session.client.propose_golden(corpus, str(given["answer_id"]))
        session.show(made, f"{made['id']} waits for review.")
        return
    if (given["quote"] is None) != (given["document"] is None):
        raise click.UsageError("--quote and --document go together.")
    quotes = [{"document_key": given["document"], "text": given["quote"]}] if given["quote"] else []
    body = {"question": question, "answers": given["answers"], "quotes": quotes, "note": given["note"]}
    made = session.client.add_golden(corpus, body | {"answerable": not given["unanswerable"]})
    session.show(made, f"{made['id']} is added.")


@golden.command("import", epilog="Ends with code 4 when a line could not be used.")
@click.argument("path", type=click.Path(path_type=Path))
@corpus_option
@click.option("--proposed", is_flag=True, help="Let them wait for review instead of counting at once.")
@service_command
def import_file(session: Session, path: Path, corpus: str, *, proposed: bool) -> None:
    """Add the questions in a JSONL file: {question, answers, quote, document, answerable}."""
    try:
        lines = path.read_bytes()
    except OSError as exc:
        raise InvalidRequest(f"{path} cannot be read: {exc.strerror}.") from exc
    grown = session.client.import_golden(corpus, lines, state="proposed" if proposed else "accepted")
    refused = [f"line {one['line']}: {one['message']}" for one in grown["refused"]]
    session.show(grown, "\n".join([*refused, _grown(grown)]))
    if refused:
        raise click.exceptions.Exit(INCOMPLETE)


@golden.command("export")
@corpus_option
@_state_option
@service_command
def export(session: Session, corpus: str, state: str | None) -> None:
    """Print golden questions as JSON lines, as `rag golden import` takes them."""
    click.echo(session.client.export_golden(corpus, state=state), nl=False)


@golden.command("review")
@corpus_option
@click.option("--accept", multiple=True, help="Id of a question that is to count (repeatable).")
@click.option("--reject", multiple=True, help="Id of a question that is not to count (repeatable).")
@service_command
def review(session: Session, corpus: str, accept: tuple[str, ...], reject: tuple[str, ...]) -> None:
    """Accept and reject questions by id; without ids, go through the proposals one by one."""
    if not (accept or reject):
        _ask_about_each(session, corpus)
        return
    reviewed = session.client.review_golden(corpus, accept=accept, reject=reject)
    session.show(reviewed, f"{len(accept)} accepted, {len(reject)} rejected.")


@golden.command("synthesise")
@corpus_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 100), help="Questions to make.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Another seed makes others.")
@service_command
def synthesise(session: Session, corpus: str, limit: int, seed: int) -> None:
    """Propose questions made by rules from what is published; no model is asked."""
    grown = session.client.synthesise_golden(corpus, limit=limit, seed=seed)
    session.show(grown, f"{_grown(grown)} Review them with: rag golden review --corpus {corpus}")


def _ask_about_each(session: Session, corpus: str) -> None:
    proposed = list(session.client.golden(corpus, state="proposed"))
    if not proposed:
        click.echo("Nothing waits for review.", err=session.as_json)
    for question in proposed:
        click.echo("\n".join(["", *_lines(question)]), err=session.as_json)
        choice = click.prompt(
            "[a]ccept, [r]eject, [s]kip or [q]uit", type=click.Choice(list(_CHOICES)), show_choices=False, err=True
        )
        if _CHOICES[choice] == "quit":
            return
        if _CHOICES[choice] != "skip":
            _decide(session, corpus, question["id"], _CHOICES[choice])


def _decide(session: Session, corpus: str, golden_id: str, verdict: str) -> None:
    from rag_service.client import ApiError  # noqa: PLC0415  (loads HTTP)

    try:
        session.client.review_golden(corpus, **{verdict: [golden_id]})
    except ApiError as exc:
        # It stays a proposal; the others are still to be asked about.
        click.echo(f"Not done: {exc}", err=True)


def _line(question: "Json") -> str:
    return f"{question['id']}  {question['state']:<8}  {question['question']}"


def _lines(question: "Json") -> list[str]:
    turns = [f"  {turn['role']}: {turn['content']}" for turn in question["messages"][:-1]]
    expected = [f"  answer: {answer}" for answer in question["answers"]]
    quotes = [f"  {quote['document_key']}: “{quote['text']}”" for quote in question["quotes"]]
    nothing = [] if question["answerable"] else ["  The documents do not say."]
    return [
        *turns,
        _line(question),
        *nothing,
        *expected,
        *quotes,
        *([f"  {question['note']}"] if question["note"] else []),
    ]


def _grown(grown: "Json") -> str:
    return f"{grown['added']} added, {grown['duplicates']} there already, {len(grown['refused'])} refused."


def _counted(counts: "Json") -> str:
    return f"{counts['accepted']} accepted, {counts['proposed']} to review, {counts['rejected']} rejected. {counts['note']}"
