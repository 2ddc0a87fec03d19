"""`make bench`: measures the service beside plain LlamaIndex on the same texts and prints one table.

`--rows N` sets how many texts are ingested for the throughput figures, `--whole` also loads the whole
squad-open corpus (kept in .cache/bench, so only the first time takes long) and measures search over it, and seals
drafts of a corpus of 100,000 chunks too, which takes a quarter of an hour or more to load.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench import ours
from tests.bench.calibration import Calibration, calibrate
from tests.bench.figures import HEADER, Figure, percentiles
from tests.bench.flip import flip_figures
from tests.bench.ingestion import add_scale_options, scale_figures
from tests.bench.seal_curve import FIGURE, SIZES, WHOLE, seal_figures
from tests.bench.telling import tell
from tests.bench.texts import Row, rows

CACHE = Path(".cache/bench")
CORPUS = "bench"


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    calibration = calibrate()
    tell(f"calibration: {calibration.gflops:.0f} GFLOP/s, one unit = {calibration.unit_ms:.2f} ms\n{HEADER}")
    peer = _peer(arguments.rows, arguments.questions)
    for figure in _ingestion(arguments.rows, peer, calibration):
        tell(figure.line())
    for figure in scale_figures(arguments.documents, count=arguments.count, rounds=arguments.rounds):
        tell(figure.line())
    for figure in _serving(arguments, peer, calibration):
        tell(figure.line())
    for figure in _versions(whole=arguments.whole):
        tell(figure.line())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=1000)
    add_scale_options(parser)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--whole", action="store_true")
    return parser.parse_args()


def _peer(row_count: int, question_count: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.llama_index_peer", str(row_count), str(question_count)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _ingestion(row_count: int, peer: dict[str, float], calibration: Calibration) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, ours.running(Path(folder) / "data") as service:
        path = Path(folder) / "rows.jsonl"
        # The peer's clock starts when its model is loaded.
        ours.write_rows(path, [Row(id="warm", title="Warm up", text="Nothing that is asked about.")])
        ours.ingest(service, path, CORPUS)
        ours.write_rows(path, rows(row_count))
        first_s = ours.ingest(service, path, CORPUS)
        chunks = ours.counted(service, "SELECT max(chunk_count) FROM versions")
        tokens = ours.counted(service, "SELECT avg(token_count) FROM chunks")
        kept = ours.counted(service, "SELECT count(*) FROM kept_vectors")
        again_s = ours.ingest(service, path, CORPUS)
        embedded_again = ours.counted(service, "SELECT count(*) FROM kept_vectors") - kept
    roof = calibration.embedding_roof(tokens)
    return [
        Figure("ingestion", chunks / first_s, "chunks/s", peer=peer["chunks_per_s"], limit=">= 1x",
               note=f"{100 * chunks / first_s / roof:.0f} % of the roof at {tokens} tokens"),
        Figure("re-ingestion, nothing changed", chunks / again_s, "chunks/s", peer=peer["chunks_per_s"],
               note=f"{embedded_again} texts embedded"),
    ]  # fmt: skip


def _serving(arguments: argparse.Namespace, peer: dict[str, float], calibration: Calibration) -> list[Figure]:
    wanted = rows(10**6 if arguments.whole else arguments.rows)
    data_dir = CACHE.resolve() / f"{len(wanted)}-rows"
    data_dir.mkdir(parents=True, exist_ok=True)
    with ours.running(data_dir) as service:
        path = data_dir / "rows.jsonl"
        ours.write_rows(path, wanted)
        ours.ingest(service, path, CORPUS)
        searched = ours.search_seconds(service, CORPUS, arguments.questions)
        firsts, wholes = ours.answer_seconds(service, CORPUS, arguments.questions // 3)
    live_s, answered_s, memory = ours.start_up(data_dir, CORPUS)
    unit = calibration.unit_ms
    figures = [
        *percentiles(f"search, {len(wanted)} documents", searched, limit="p95 <= 50", unit_ms=unit),
        Figure("LlamaIndex search p95, in process", peer["search_p95_ms"], "ms", note=f"{arguments.rows} documents"),
        *percentiles("first event of an answer", firsts, unit_ms=unit),
        *percentiles("whole answer", wholes, unit_ms=unit),
        Figure("start: /livez", live_s, "s", limit="<= 3"),
        Figure("start: first answer, with data", answered_s, "s", limit="<= 15"),
    ]
    return figures + [Figure(f"memory of {name}", value, "MiB") for name, value in sorted(memory.items())]


def _versions(*, whole: bool) -> Iterator[Figure]:
    yield from seal_figures(WHOLE, figure=FIGURE) if whole else seal_figures(SIZES)
    yield from flip_figures()


if __name__ == "__main__":
    main()
