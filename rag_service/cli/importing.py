"""`rag index import`: rows that bring their vectors along, so that nothing of them is embedded."""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rag_service.cli.context import INCOMPLETE, Session, service_command
from rag_service.errors import InvalidRequest

if TYPE_CHECKING:
    from rag_service.cli.loading import Failure
    from rag_service.client import Client
    from rag_service.domain.given_vectors import GivenVector, WantedVectors
    from rag_service.domain.rows import Row

_ENDINGS = (".jsonl", ".jsonl.gz")
_ROWS_AT_ONCE = 100
_BYTES_AT_ONCE = 2**20
_SHOWN = 20

Line = tuple[bytes, "GivenVector"]


@dataclass(slots=True, kw_only=True)
class Imported:
    """What became of an import; `embedded` lists no more than a few of the rows whose vectors could not be used."""

    corpus: str
    rows: int = 0
    vectors_kept: int = 0
    embedded: int = 0
    embedded_rows: list[str] = field(default_factory=list)
    failures: list["Failure"] = field(default_factory=list)

    def note(self, row_id: str, *, is_kept: bool) -> None:
        """Count a vector."""
        self.vectors_kept += is_kept
        self.embedded += not is_kept
        if not is_kept and len(self.embedded_rows) < _SHOWN:
            self.embedded_rows.append(row_id)


@click.command("import")
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--corpus", required=True, help="Name of the corpus; created when there is none.")
@click.option("--principal", "principals", multiple=True, help="Who may see the rows (repeatable); else everyone.")
@click.option("--wait/--no-wait", default=True, help="Wait until the rows are published (the default).")
@service_command
def import_rows(session: Session, folder: Path, corpus: str, *, principals: tuple[str, ...], wait: bool) -> None:
    """Upload rows {id, title, text, vector, embedder} of a folder of .jsonl files without embedding them.

    A row that is cut into several chunks, or into none that is known beforehand, is embedded: its one vector stands for
    none of them. Every line is looked at before anything is uploaded.
    """
    done = _import(session.client, corpus, _files_in(folder), principals, wait=wait)
    session.show(asdict(done), "\n".join(_lines(done)))
    if done.failures:
        raise click.exceptions.Exit(INCOMPLETE)


def _import(client: "Client", corpus: str, files: Sequence[Path], principals: Sequence[str], *, wait: bool) -> Imported:
    from rag_service.cli.loading import Failure, processing_failures, upload_rows  # noqa: PLC0415  (loads HTTP)

    client.ensure_corpus(corpus)
    _check(files, _wanted(client, corpus))
    done = Imported(corpus=corpus)
    accepted: set[str] = set()
    for outcome in upload_rows(client, corpus, _after_their_vectors(client, files, done), principals=principals):
        if isinstance(outcome, Failure):
            done.failures.append(outcome)
        else:
            accepted.add(outcome.file_id)
    done.rows = len(accepted)
    if wait and accepted:
        client.wait_until_done(corpus)
        done.failures += processing_failures(client, corpus, frozenset(accepted))
    return done


def _wanted(client: "Client", corpus: str) -> "WantedVectors":
    from rag_service.domain.given_vectors import WantedVectors  # noqa: PLC0415

    said = client.wanted_vectors(corpus)
    return WantedVectors(dimensions=said["dimensions"], model=said["model"], embedder=said["embedder"])


def _check(files: Sequence[Path], wanted: "WantedVectors") -> None:
    from rag_service.domain.given_vectors import check_given  # noqa: PLC0415

    seen: set[str] = set()
    for _, given in _lines_of(files):
        check_given(given, wanted)
        if given.row.id in seen:
            raise InvalidRequest(f"{given.place}: the id {given.row.id} occurs twice.")
        seen.add(given.row.id)
    if not seen:
        raise InvalidRequest("Nothing to import: there is no row in these files.")


def _after_their_vectors(client: "Client", files: Sequence[Path], done: Imported) -> Iterator["Row"]:
    """Yield rows; their vectors are with the service by then."""
    for batch in _batches(_lines_of(files)):
        kept = client.keep_vectors(done.corpus, [line for line, _ in batch])
        for one in kept:
            done.note(str(one["document_key"]), is_kept=bool(one["kept"]))
        yield from (given.row for _, given in batch)


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        if batch and (len(batch) == _ROWS_AT_ONCE or size + len(line[0]) > _BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line[0])
    if batch:
        yield batch


def _lines_of(files: Sequence[Path]) -> Iterator[Line]:
    from rag_service.domain.given_vectors import read_given  # noqa: PLC0415

    for path in files:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
            try:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        yield line.strip(), read_given(line, f"{path}, line {number}")
            except (gzip.BadGzipFile, EOFError) as exc:
                raise InvalidRequest(f"{path} cannot be read: {exc}") from exc


def _files_in(folder: Path) -> list[Path]:
    files = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    found = [path for path in files if path.name.endswith(_ENDINGS)]
    if not found:
        raise InvalidRequest(f"There is no .jsonl or .jsonl.gz file in {folder}.")
    return found


def _lines(done: Imported) -> Iterator[str]:
    yield f"{done.rows} rows are in {done.corpus}; {done.vectors_kept} vectors were taken over."
    if done.embedded:
        yield f"{done.embedded} rows are longer than one chunk, or not plain text, and were embedded:"
        yield from (f"  {name}" for name in done.embedded_rows)
    if done.failures:
        yield f"{len(done.failures)} failed:"
        yield from (f"  {one.name}: {one.message} {one.advice}".rstrip() for one in done.failures[:_SHOWN])
