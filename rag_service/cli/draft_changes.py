"""`rag draft add`, `remove` and `drop`: what a draft changes."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rag_service.cli.context import INCOMPLETE, Session, corpus_option, service_command
from rag_service.cli.documents import Item, Skipped, items_in
from rag_service.cli.waiting import progress_line, wait_option
from rag_service.errors import InvalidRequest

if TYPE_CHECKING:
    from rag_service.cli.loading import Failure
    from rag_service.client import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of the files for a draft. `changes` holds those that are in it."""

    changes: list["Json"]
    refused: list["Failure"]
    skipped: list[Skipped]

    @property
    def failed(self) -> list["Json"]:
        """The files that cannot be published."""
        return [change for change in self.changes if change["state"] == "failed"]


@click.command("add", epilog="Ends with code 4 when a file cannot be published with the draft.")
@click.argument("draft")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@corpus_option
@click.option("--principal", "principals", multiple=True, help="Who may see the documents (repeatable); else everyone.")
@wait_option
@service_command
def add(
    session: Session, draft: str, paths: tuple[Path, ...], corpus: str, *, principals: tuple[str, ...], wait: bool
) -> None:
    """Upload files and folders into a draft."""
    items, skipped = items_in(paths)
    if not items:
        raise InvalidRequest(f"Nothing to upload: no file in {', '.join(map(str, paths))} is of a kind that is read.")
    file_ids, refused = _upload(session, corpus, draft, items, principals)
    added = Added(changes=_changes(session, corpus, draft, file_ids, wait=wait), refused=refused, skipped=skipped)
    session.show(asdict(added), "\n".join(_lines(draft, added)))
    if added.refused or added.failed:
        raise click.exceptions.Exit(INCOMPLETE)


@click.command("remove")
@click.argument("draft")
@click.argument("document")
@corpus_option
@service_command
def remove(session: Session, draft: str, document: str, corpus: str) -> None:
    """Make the removal of DOCUMENT (its key or id) a change of a draft."""
    document_id = session.client.document_id(corpus, document)
    session.show(session.client.remove_in_draft(corpus, draft, document_id), f"{draft} removes {document}.")


@click.command("drop")
@click.argument("draft")
@click.argument("document")
@corpus_option
@service_command
def drop(session: Session, draft: str, document: str, corpus: str) -> None:
    """Take the change to DOCUMENT (its key or id) out of a draft."""
    changes = session.client.draft(corpus, draft)["changes"]
    document_id = next((str(one["document_id"]) for one in changes if one["document_key"] == document), document)
    session.show(session.client.drop_change(corpus, draft, document_id), f"{draft} leaves {document} as it is.")


def change_line(change: "Json") -> str:
    """Return what a draft does to a document, in one line."""
    if change["action"] == "remove":
        return f"{change['document_key']}: is removed"
    line = f"{change['document_key']}: revision {change['revision']}, {change['state'].replace('_', ' ')}"
    return f"{line} ({change['reason']}). {change['advice']}" if change["reason"] else line


def _upload(
    session: Session, corpus: str, draft: str, items: list[Item], principals: tuple[str, ...]
) -> tuple[frozenset[str], list["Failure"]]:
    from rag_service.cli.loading import Failure, upload_all  # noqa: PLC0415  (loads HTTP)

    outcomes = []
    with progress_line() as tell:
        for outcome in upload_all(session.client, corpus, items, draft=draft, principals=principals):
            outcomes.append(outcome)
            tell(f"{len(outcomes)} of {len(items)} files are uploaded")
    file_ids = frozenset(one.file_id for one in outcomes if not isinstance(one, Failure))
    return file_ids, [one for one in outcomes if isinstance(one, Failure)]


def _changes(session: Session, corpus: str, draft: str, file_ids: Collection[str], *, wait: bool) -> list["Json"]:
    if wait:
        with progress_line() as tell:
            session.client.wait_until_prepared(corpus, draft, lambda left: tell(f"{left} documents are processed"))
    return [change for change in session.client.draft(corpus, draft)["changes"] if change["file_id"] in file_ids]


def _lines(draft: str, added: Added) -> Iterable[str]:
    yield f"{len(added.changes) - len(added.failed)} files are in {draft}."
    yield from (f"failed {change_line(change)}" for change in added.failed)
    yield from (f"refused {one.name}: {one.message} {one.advice}".rstrip() for one in added.refused)
    yield from (f"skipped {one.name}: {one.reason}" for one in added.skipped)
