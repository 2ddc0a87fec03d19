"""`rag version`: what there is of a corpus, what differs, what is published."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from rag_service.cli.context import Session, corpus_option, service_command
from rag_service.cli.told import differing_documents, moment

if TYPE_CHECKING:
    from rag_service.client import Json

_number = click.argument("number", type=click.IntRange(1))


@click.group()
def version() -> None:
    """List and compare versions, and choose the published one."""


@version.command("list")
@corpus_option
@service_command
def list_versions(session: Session, corpus: str) -> None:
    """List the versions, newest first; * marks the published one."""
    versions = session.client.versions(corpus)
    session.show(versions, "\n".join(_line(each) for each in versions) or "No versions.")


@version.command("show")
@_number
@corpus_option
@service_command
def show(session: Session, number: int, corpus: str) -> None:
    """Show one version."""
    found = session.client.version(corpus, number)
    session.show(found, "\n".join(filter(None, (_line(found), found["notes"]))))


@version.command("diff")
@click.argument("before", type=click.IntRange(0))
@click.argument("after", type=click.IntRange(0))
@corpus_option
@click.option("--document", help="Key or id of a document: show how its text differs.")
@service_command
def diff(session: Session, before: int, after: int, corpus: str, document: str | None) -> None:
    """Show what differs between two versions."""
    found = session.client.difference(corpus, before, after)
    if document is None:
        session.show(found, "\n".join(_difference(found)))
        return
    differing = [*found["added"], *found["removed"], *found["changed"]]
    ids = (str(one["document_id"]) for one in differing if document == one["document_key"])
    text = session.client.difference(corpus, before, after, document_id=next(ids, document))
    session.show(text, "\n".join(_hunks(text)) or f"{document} has the same text in both.")


@version.command("publish")
@_number
@corpus_option
@service_command
def publish(session: Session, number: int, corpus: str) -> None:
    """Make a version that was published before the published one: back, or forward again."""
    switched = session.client.publish_version(corpus, number)
    session.show(switched, f"{corpus} is at version {number} now; it was at {switched['previous']}.")


@version.command("label")
@_number
@click.argument("label")
@corpus_option
@service_command
def label(session: Session, number: int, label: str, corpus: str) -> None:
    """Give LABEL to a version, which can then be asked as CORPUS@LABEL."""
    session.show(session.client.label_version(corpus, label, number), f"{corpus}@{label} is version {number}.")


@version.command("unlabel")
@click.argument("label")
@corpus_option
@service_command
def unlabel(session: Session, label: str, corpus: str) -> None:
    """Take LABEL away; its version stays."""
    session.show(session.client.unlabel_version(corpus, label), f"No version has the label {label} any more.")


@version.command("note")
@_number
@click.argument("notes")
@corpus_option
@service_command
def note(session: Session, number: int, notes: str, corpus: str) -> None:
    """Give a version NOTES, in place of those it has."""
    session.show(session.client.annotate_version(corpus, number, notes), f"Version {number}: {notes}")


def _line(each: "Json") -> str:
    mark = "*" if each["current"] else " "
    labels = f"  [{', '.join(each['labels'])}]" if each["labels"] else ""
    counts = f"{each['document_count']} documents, {each['chunk_count']} chunks"
    return f"{mark} {each['number']:>4}  {_when(each['published_at'])}  {counts}{labels}"


def _when(published_at: int | None) -> str:
    if published_at is None:
        return f"{'not published':<17}"
    return moment(published_at)


def _difference(found: "Json") -> Iterator[str]:
    chunks, tokens = found["chunks"], found["tokens"]
    yield from differing_documents(found)
    if not (found["added"] or found["removed"] or found["changed"]):
        yield "The same documents."
    yield f"Chunks: {chunks['added']} added, {chunks['removed']} removed, {chunks['kept']} kept."
    yield f"Tokens: {tokens['added']} added, {tokens['removed']} removed."


def _hunks(found: "Json") -> Iterator[str]:
    for hunk in found["hunks"]:
        yield f"@@ {hunk['start_before']} {hunk['start_after']} @@"
        yield from (f"- {line}" for line in hunk["removed"].splitlines() if line.strip())
        yield from (f"+ {line}" for line in hunk["added"].splitlines() if line.strip())
