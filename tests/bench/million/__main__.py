"""`python -m tests.bench.million`: hybrid search from ten thousand to a million chunks, behind the index host.

Loads an engine step by step; at each size it is optimised, and real questions are asked one after the other. At the largest
size also under filters that have nothing to do with the vectors. `--figure` draws the curve into docs/figures. A million
chunks take about 2.2 GB of .cache/bench, ten minutes to make and a quarter of an hour to load.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from rag_service.embedding.local import LocalEmbedder
from rag_service.embedding.onnx_runtime import OnnxRuntime
from rag_service.ports.vector_index import VectorIndex
from rag_service.ports.vectors import QueryVectors
from rag_service.retrieval.index_client import IndexClient
from rag_service.settings import EmbeddingSettings
from tests.bench.curve import curve_svg
from tests.bench.million.made_chunks import SHARES, VERSIONS, MadeChunks, made_chunks, queries_of, question_vectors
from tests.bench.million.measured import BUILD, Measured, Narrowed, find, measure, percentiles, put_in_order
from tests.bench.telling import tell
from tests.bench.texts import questions
from tests.index_hosts import RunningHost, running_host

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
CACHE = Path(".cache/bench/million")
FIGURES = Path(__file__).resolve().parents[3] / "docs" / "figures"
_PER_WRITE = 2_000
_PATIENCE_S = 3600.0


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    chunks, vectors = made_chunks(max(arguments.sizes), CACHE), question_vectors(CACHE)
    asyncio.run(_measure(arguments, chunks, vectors))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.million", description=__doc__)
    parser.add_argument("--engine", default="edge", choices=["edge", "faiss"])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--figure", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder in which what is loaded stays: it is not loaded again")
    return parser.parse_args()


async def _measure(arguments: argparse.Namespace, chunks: MadeChunks, vectors: NDArray[np.float32]) -> None:
    curve: list[tuple[int, Measured]] = []
    with running_host(arguments.keep, RAG_RETRIEVAL__OPTIMISE_AFTER="1000000000") as host:
        index = IndexClient(host.socket, _PATIENCE_S, engine=arguments.engine)
        written = (await index.builds()).get(BUILD) or 0
        for size in arguments.sizes:
            loaded_s = await _load(index, chunks, written, size) if written < size else 0.0
            written = max(written, size)
            queries = queries_of(vectors, chunks.frequencies(size))
            found = await measure(index, chunks, size, queries, Narrowed())
            curve.append((size, found))
            tell(f"{size:>9,} chunks loaded and optimised in {loaded_s:6.0f} s, {_memory(host)}")
            tell(_line(found))
        await _measure_filters(index, chunks, written, queries)
        await _measure_with_embedding(index, queries)
        tell(f"opened again in {await _opened_again_s(host, index, queries[0]):.1f} s, {_memory(host)}")
        await index.aclose()
    if arguments.figure:
        _draw(arguments.engine, curve)


async def _load(index: VectorIndex, chunks: MadeChunks, start: int, end: int) -> float:
    started = time.perf_counter()
    for at in range(start, end, _PER_WRITE):
        await index.write(BUILD, chunks.points(at, min(at + _PER_WRITE, end)))
    await index.optimise(BUILD)
    return time.perf_counter() - started


async def _measure_filters(index: VectorIndex, chunks: MadeChunks, count: int, queries: Sequence[QueryVectors]) -> None:
    by_group = [Narrowed(share=share) for share in SHARES]
    by_version = [Narrowed(version=round(share * VERSIONS)) for share in (*SHARES, 0.5, 0.9)]
    by_both = [Narrowed(version=VERSIONS // 2, share=share) for share in SHARES]
    for narrowed in (*by_group, *by_version, *by_both):
        tell(_line(await measure(index, chunks, count, queries, narrowed)))


async def _measure_with_embedding(index: VectorIndex, queries: Sequence[QueryVectors]) -> None:
    embedder, among = LocalEmbedder(EmbeddingSettings(), OnnxRuntime()), Narrowed().among()
    await embedder.warm_up()
    seconds = []
    for text, query in zip(questions(len(queries)), queries, strict=True):
        started = time.perf_counter()
        dense = await embedder.embed_query(text)
        await put_in_order(index, await find(index, QueryVectors(dense=dense, sparse=query.sparse), among))
        seconds.append(time.perf_counter() - started)
    embedder.close()
    tell(f"with the question's embedding, in order: {percentiles(seconds)}")


async def _opened_again_s(host: RunningHost, index: VectorIndex, query: QueryVectors) -> float:
    host.stop()
    started = time.perf_counter()
    host.start_again()
    await index.search(BUILD, query, among=Narrowed().among(), limit=100)
    return time.perf_counter() - started


def _memory(host: RunningHost) -> str:
    process = psutil.Process(host.process.pid).memory_full_info()
    files = sum(file.stat().st_blocks * 512 for file in host.data_dir.rglob("*") if file.is_file())
    return f"{process.pss / 2**20:,.0f} MiB in memory, {files / 2**20:,.0f} MiB on disk"


def _line(found: Measured) -> str:
    narrowed = found.narrowed
    who = "everyone" if narrowed.share is None else f"a group of {narrowed.share:.1%}"
    return (
        f"  version {narrowed.version:>4}, {who:18} ({narrowed.selectivity:8.3%} match): "
        f"found {percentiles(found.found_s)}, in order {percentiles(found.ordered_s)}, recall@10 {found.recall:.4f}"
    )


def _draw(engine: str, curve: Sequence[tuple[int, Measured]]) -> None:
    series = {
        f"p{percent}": [(size, float(np.percentile(found.ordered_s, percent)) * 1000) for size, found in curve]
        for percent in (50, 95)
    }
    svg = curve_svg(f"Hybrid search, {engine}", series, x_label="chunks", y_label="ms")
    (FIGURES / f"search_curve_{engine}.svg").write_text(svg)


if __name__ == "__main__":
    main()
