"""`python -m tests.bench.ingestion`: documents to searchable chunks, beside unstructured and LlamaIndex.

Each round runs the peer and then the service, both warm, over the same files; medians of the rounds are printed.
`--documents FOLDER` measures those files instead of generated ones.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import ours
from tests.bench.calibration import Calibration, calibrate
from tests.bench.documents import generate
from tests.bench.figures import HEADER, Figure
from tests.bench.processor_time import Spent, spending
from tests.bench.resync import resync_figures
from tests.bench.searchable import searchable_figures
from tests.bench.two_workers import two_worker_figures
from tests.running import RunningService

CORPUS = "bench"
BOTH_READ = ("html", "txt", "docx")
"""Kinds that unstructured reads with what is installed here."""

_WARM_UP = 6
_PAGE_TOKENS = 700
"""What counts as a page where a format has none."""

_PAGES = f"""
    SELECT coalesce((SELECT sum(page_count) FROM revisions), 0) + coalesce((
        SELECT sum(token_count) / {_PAGE_TOKENS} FROM chunks
        JOIN revisions ON revisions.document_id = chunks.document_id AND revisions.number = chunks.revision
        WHERE page_count IS NULL
    ), 0)
"""  # noqa: S608  (a number of ours)


@dataclass(frozen=True)
class Round:
    """What one round measured. `roof` is in chunks for each second of one processor."""

    documents: int
    pages: int
    chunks: int
    tokens: float
    spent: Spent
    calibration: Calibration
    peer: dict[str, Any]

    @property
    def share_of_roof(self) -> float:
        return self.chunks / self.spent.cpu_s / self.calibration.core_embedding_roof(self.tokens)

    @property
    def ratio(self) -> float:
        """How much faster than the peer, by the clock."""
        return (self.chunks / self.spent.seconds) / (self.peer["chunks"] / self.peer["seconds"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ingestion", description=__doc__)
    add_scale_options(parser)
    arguments = parser.parse_args()
    sys.stdout.write(f"{HEADER}\n")
    for figure in scale_figures(arguments.documents, count=arguments.count, rounds=arguments.rounds):
        sys.stdout.write(f"{figure.line()}\n")
        sys.stdout.flush()


def add_scale_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `scale_figures` takes."""
    parser.add_argument("--documents", type=Path, help="folder of files to ingest; else generated ones")
    parser.add_argument("--count", type=int, default=24, help="generated documents")
    parser.add_argument("--rounds", type=int, default=2, help="pairs of runs, the peer and the service in turns")


def scale_figures(documents: Path | None, *, count: int, rounds: int) -> Iterator[Figure]:
    """Yield all figures of ingestion at scale."""
    yield from document_figures(documents, count=count, rounds=rounds)
    yield from resync_figures()
    yield from two_worker_figures()
    yield from searchable_figures()


def document_figures(documents: Path | None, *, count: int, rounds: int) -> list[Figure]:
    """Ingest the documents of a folder, or `count` generated ones, in rounds."""
    found = [_round(documents, count, number) for number in range(rounds)]
    note = f"by the clock, {count} documents" if documents is None else f"by the clock, {documents}"
    return [
        _rate("documents", found, "documents/s", note=note),
        _rate("pages", found, "pages/s"),
        _rate("chunks", found, "chunks/s", limit=">= 1x"),
        Figure("chunks for a second of processor time", median(r.chunks / r.spent.cpu_s for r in found), "chunks/cpu-s",
               peer=median(r.peer["chunks"] / r.peer["cpu_s"] for r in found)),
        Figure("share of the embedding roof", 100 * median(r.share_of_roof for r in found), "%",
               peer=100 * median(_peer_share(r) for r in found),
               note=f"processor time, all stages; {found[0].tokens:.0f} tokens a chunk, the peer's {found[0].peer['tokens']:.0f}"),
        Figure("pairs, ours to the peer", median(r.ratio for r in found), "x",
               note=", ".join(f"{r.ratio:.2f}" for r in found)),
    ]  # fmt: skip


def _rate(what: str, found: list[Round], unit: str, *, limit: str = "", note: str = "") -> Figure:
    # The peer cuts the same documents into other chunks: documents and pages are compared as ours counts them.
    return Figure(
        f"ingestion, {what}",
        median(getattr(r, what) / r.spent.seconds for r in found),
        unit,
        peer=median((r.peer["chunks"] if what == "chunks" else getattr(r, what)) / r.peer["seconds"] for r in found),
        limit=limit,
        note=note,
    )


def _peer_share(one: Round) -> float:
    return one.peer["chunks"] / one.peer["cpu_s"] / one.calibration.core_embedding_roof(one.peer["tokens"])


def _round(documents: Path | None, count: int, number: int) -> Round:
    with tempfile.TemporaryDirectory() as scratch:
        folder = documents or Path(scratch) / "documents"
        if documents is None:
            generate(folder, kinds=BOTH_READ, count=count, first=number * count)
        generate(Path(scratch) / "warm", kinds=BOTH_READ, count=_WARM_UP, first=10**6)
        calibration = calibrate()
        peer = _peer(folder)
        with ours.running(Path(scratch) / "data") as service:
            ours.ingest_files(service, [Path(scratch) / "warm"], "warm")
            before = _counts(service)
            with spending(service) as spent:
                ours.ingest_files(service, _both_read(folder, peer), CORPUS)
            documents_, pages, chunks = (now - then for now, then in zip(_counts(service), before, strict=True))
            tokens = ours.counted(service, "SELECT avg(token_count) FROM chunks")
    return Round(documents_, pages, chunks, tokens, spent, calibration, peer)


def _peer(folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.partition_peer", str(folder)]
    return dict(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))


def _both_read(folder: Path, peer: dict[str, Any]) -> list[Path]:
    """Return the files that the peer has read; the command line leaves out what we do not read."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in peer["unread_endings"]]


def _counts(service: RunningService) -> tuple[int, int, int]:
    statements = ("SELECT count(*) FROM revisions", _PAGES, "SELECT count(*) FROM chunks")
    return tuple(ours.counted(service, statement) for statement in statements)


if __name__ == "__main__":
    main()
