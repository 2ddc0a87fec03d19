"""`rag ingest`: files and rows into a corpus, until they can be asked about."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rag_service.cli.context import INCOMPLETE, Session, progress_console, service_command
from rag_service.cli.documents import Skipped, items_in, rows_in
from rag_service.domain.file_endings import READ_ENDINGS
from rag_service.errors import InvalidRequest

if TYPE_CHECKING:
    from rag_service.cli.loading import Failure, Uploaded
    from rag_service.client import Client, FileCounts
    from rag_service.domain.rows import Row

    Outcome = Uploaded | Failure

_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of an ingestion."""

    corpus: str
    uploaded: int
    published: bool
    failures: list["Failure"] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


@click.command(epilog=f"Read are {', '.join(READ_ENDINGS)}. Ends with code 4 when a document failed.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--corpus", required=True, help="Name of the corpus; created when there is none.")
@click.option("--jsonl", is_flag=True, help="PATHS are .jsonl or .jsonl.gz files with rows {id, title, text}.")
@click.option("--principal", "principals", multiple=True, help="Who may see the documents (repeatable); else everyone.")
@click.option("--wait/--no-wait", default=True, help="Wait until the documents are published (the default).")
@service_command
def ingest(
    session: Session, paths: tuple[Path, ...], corpus: str, *, jsonl: bool, principals: tuple[str, ...], wait: bool
) -> None:
    """Upload files, folders or JSON-lines rows into a corpus."""
    uploads, skipped = _rows(paths) if jsonl else _files(paths)
    uploaded, failures = _load(session, corpus, uploads, principals, wait=wait)
    summary = Summary(corpus=corpus, uploaded=uploaded, published=wait, failures=failures, skipped=skipped)
    session.show(asdict(summary), "\n".join(_lines(summary)))
    if failures:
        raise click.exceptions.Exit(INCOMPLETE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Uploads:
    """What to upload, and the road it takes."""

    count: int
    start: Callable[["Client", str, Sequence[str]], Iterator["Outcome"]]


def _files(paths: Sequence[Path]) -> tuple[_Uploads, list[Skipped]]:
    items, skipped = items_in(paths)
    if not items:
        raise InvalidRequest(f"Nothing to upload: no file in {', '.join(map(str, paths))} is of a kind that is read.")

    def start(client: "Client", corpus: str, principals: Sequence[str]) -> Iterator["Outcome"]:
        from rag_service.cli.loading import upload_all  # noqa: PLC0415  (loads HTTP)

        return upload_all(client, corpus, items, principals=principals)

    return _Uploads(count=len(items), start=start), skipped


def _rows(paths: Sequence[Path]) -> tuple[_Uploads, list[Skipped]]:
    # All rows are read first: a damaged line or an id that occurs twice is told before anything is uploaded.
    rows: dict[str, Row] = {}
    for row in rows_in(paths):
        if row.id in rows:
            raise InvalidRequest(f"The id {row.id} occurs twice.")
        rows[row.id] = row
    if not rows:
        raise InvalidRequest(f"Nothing to upload: there is no row in {', '.join(map(str, paths))}.")

    def start(client: "Client", corpus: str, principals: Sequence[str]) -> Iterator["Outcome"]:
        from rag_service.cli.loading import upload_rows  # noqa: PLC0415  (loads HTTP)

        return upload_rows(client, corpus, rows.values(), principals=principals)

    return _Uploads(count=len(rows), start=start), []


def _load(
    session: Session, corpus: str, uploads: _Uploads, principals: Sequence[str], *, wait: bool
) -> tuple[int, list["Failure"]]:
    from rag_service.cli.loading import Failure, processing_failures  # noqa: PLC0415  (loads HTTP)

    session.client.ensure_corpus(corpus)
    with _bars() as bars:
        started = uploads.start(session.client, corpus, principals)
        outcomes = list(bars.counted("Uploading", started, uploads.count))
        failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
        accepted = frozenset(outcome.file_id for outcome in outcomes if not isinstance(outcome, Failure))
        if wait and accepted:
            session.client.wait_until_done(corpus, bars.processing())
            failures += processing_failures(session.client, corpus, accepted)
    return len(outcomes) - len(failures), failures


class _Bars:
    """Two progress bars; drawn only on a terminal."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

        console = progress_console()
        columns = (TextColumn("{task.description:<11}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=console, disable=not console.is_terminal)

    def counted(self, name: str, outcomes: Iterable["Outcome"], total: int) -> Iterator["Outcome"]:
        """Pass `outcomes` on and count them."""
        return iter(self.progress.track(outcomes, total=total, description=name))

    def processing(self) -> Callable[["FileCounts"], None]:
        """Return what follows the documents in progress down to none."""
        task = self.progress.add_task("Processing", total=None)
        most = 0

        def look(counts: "FileCounts") -> None:
            nonlocal most
            most = max(most, counts.in_progress)
            self.progress.update(task, completed=most - counts.in_progress, total=most)

        return look


@contextmanager
def _bars() -> Iterator[_Bars]:
    bars = _Bars()
    with bars.progress:
        yield bars


def _lines(summary: Summary) -> Iterator[str]:
    state = "are published" if summary.published else "were accepted"
    yield f"{summary.uploaded} documents {state} in {summary.corpus}."
    yield from _listed("skipped", [f"{skipped.name}: {skipped.reason}" for skipped in summary.skipped])
    yield from _listed("failed", [f"{f.name}: {f.message} {f.advice}".rstrip() for f in summary.failures])


def _listed(what: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"{len(lines)} {what}:"
    yield from (f"  {line}" for line in lines[:_SHOWN])
    if len(lines) > _SHOWN:
        yield f"  … and {len(lines) - _SHOWN} more (--json lists all)"
