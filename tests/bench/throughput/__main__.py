"""`python -m tests.bench.throughput`: searches per second at p95 <= 200 ms, by share of repeated questions.

Each service is one that its users would run, behind HTTP on this machine, with the caller beside it: ours with its
defaults (hybrid search, rights, versions, passages read from the catalog), LlamaIndex with Qdrant's local mode (dense
only), txtai (hybrid). Same texts, same model; the best eight passages. Our passages are about a third shorter, so there are more.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import ours
from tests.bench.telling import tell
from tests.bench.texts import rows
from tests.bench.throughput.carried import Carried, Searched, carried
from tests.bench.throughput.mixes import Mix
from tests.bench.throughput.peers import FOUND
from tests.running import free_port, wait_until_listening

SHARES = (0.0, 0.3, 0.9)
PEERS = ("llama_index", "txtai")
_CORPUS = "bench"
_PATIENCE_S = 1800.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.throughput", description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000)
    row_count = parser.parse_args().rows
    tell(f"{'searches/s at p95 <= 200 ms':28}" + "".join(f"{share:>8.0%} repeated" for share in SHARES))
    with _ours(row_count) as service:
        own = _figures("ours", service)
    for name in PEERS:
        with _peer(name, row_count) as service:
            found = _figures(name, service)
        ratios = (
            mine.rate / theirs.rate if theirs.rate else float("inf") for mine, theirs in zip(own, found, strict=True)
        )
        tell(f"{'  ours, times as many':28}" + "".join(f"{ratio:>16.1f}x" for ratio in ratios))


def _figures(name: str, service: Searched) -> list[Carried]:
    found = asyncio.run(_carried(service))
    tell(f"{name:28}" + "".join(f"{each.rate:>10.0f} ({each.p95_ms:3.0f})" for each in found))
    return found


async def _carried(service: Searched) -> list[Carried]:
    found = [await carried(service, Mix(share)) for share in SHARES]
    await service.caller.close()
    return found


@contextmanager
def _ours(row_count: int) -> Iterator[Searched]:
    with tempfile.TemporaryDirectory(prefix="rag-") as folder, ours.running(Path(folder) / "data") as service:
        path = Path(folder) / "rows.jsonl"
        ours.write_rows(path, rows(row_count))
        ours.ingest(service, path, _CORPUS)
        yield Searched(service.url, service.key, f"/v1/vector_stores/{_CORPUS}/search", {"max_num_results": FOUND})


@contextmanager
def _peer(name: str, row_count: int) -> Iterator[Searched]:
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.throughput.peers", name, str(row_count), str(port)]
    process = subprocess.Popen(command)
    try:
        wait_until_listening(port, process, within_s=_PATIENCE_S)
        yield Searched(f"http://127.0.0.1:{port}", "none", "/search", {})
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
