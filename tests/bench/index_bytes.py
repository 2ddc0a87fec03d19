"""`python -m tests.bench.index_bytes ENGINE`: what a chunk costs in memory and on disk, for the capacity planner.

Points of 384 dimensions and the words of a page each go through the index host; memory and disk are told for several
sizes after `optimise`, and per point between the smallest and the largest. `catalog` in the place of an engine loads
documents of one chunk each into a service, and tells the bytes of its database; `snapshot` writes a snapshot's part.
"""

import argparse
import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

from rag_service.blobs.packed_points import pack_points
from rag_service.domain.access import EVERYONE
from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, Fingerprint, PointId, TenantId
from rag_service.domain.versions import OPEN
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.ports.vector_index import Point
from rag_service.retrieval.index_client import IndexClient
from tests.bench.telling import tell
from tests.index_hosts import RunningHost, running_host
from tests.integration.edge_desk import accept_rows, edge_desk
from tests.made_rows import made_rows, made_text

_DIMENSIONS = 384
_BUILD = Fingerprint("b" * 32)
_AT_ONCE = 2_000
_TEXTS = 2_000
"""Different texts; vectors all differ."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.index_bytes", description=__doc__)
    parser.add_argument("engine")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 40_000])
    arguments = parser.parse_args()
    match arguments.engine:
        case "catalog":
            asyncio.run(_catalog(arguments.sizes[0]))
        case "snapshot":
            part = pack_points(list(_points(0, _AT_ONCE)))
            tell(f"snapshot: {len(part) / _AT_ONCE:.0f} bytes per point")
        case engine:
            asyncio.run(_engine(engine, arguments.sizes))


async def _engine(engine: str, sizes: list[int]) -> None:
    measured = []
    with running_host(RAG_RETRIEVAL__BACKEND=engine, RAG_RETRIEVAL__OPTIMISE_AFTER="100000000") as host:
        client = IndexClient(host.socket, 600.0, engine=engine)
        written = 0
        for size in sizes:
            for start in range(written, size, _AT_ONCE):
                await client.write(_BUILD, list(_points(start, _AT_ONCE)))
            written = size
            await client.optimise(_BUILD)
            measured.append((size, await _memory_bytes(host, engine), _disk_bytes(host.data_dir)))
            tell("{} {}: {:.0f} MiB memory, {:.0f} MiB disk".format(engine, *_mib(measured[-1])))
        await client.aclose()
    (few, few_memory, few_disk), (many, memory, disk) = measured[0], measured[-1]
    tell(f"{engine}: {(memory - few_memory) / (many - few):.0f} bytes of memory per point")
    tell(f"{engine}: {(disk - few_disk) / (many - few):.0f} bytes of disk per point")


async def _memory_bytes(host: RunningHost, engine: str) -> int:
    # Begun anew, so that nothing is counted that only writing or optimising took; asked once, so that it is loaded.
    await asyncio.to_thread(host.stop)
    await asyncio.to_thread(host.start_again)
    client = IndexClient(host.socket, 600.0, engine=engine)
    await client.builds()
    pages = 0
    async for _ in client.points(_BUILD):
        pages += 1  # all vectors are touched
    await client.aclose()
    return int(psutil.Process(host.process.pid).memory_full_info().pss)


async def _catalog(chunks: int) -> None:
    async with edge_desk() as desk:
        folder = desk.worker.container.settings.data_dir
        empty = _catalog_bytes(folder)
        await accept_rows(desk, made_rows(range(chunks)))
        await desk.work_off()
        tell(f"catalog: {(_catalog_bytes(folder) - empty) / chunks:.0f} bytes per document of one chunk")


def _catalog_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("catalog.db*"))


def _disk_bytes(folder: Path) -> int:
    # Files have holes.
    return sum(512 * path.stat().st_blocks for path in folder.rglob("*") if path.is_file())


def _points(start: int, count: int) -> Iterator[Point]:
    encoder = Bm25Encoder()
    vectors = np.random.default_rng(start).normal(size=(count, _DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for number in range(start, start + count):
        yield Point(
            id=PointId(str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))),
            tenant_id=TenantId("tenant_default"),
            corpus_id=CorpusId("vs_0123456789abcdef0123456789abcdef"),
            document_id=DocumentId(f"doc_{number:032}"),
            chunk_id=ChunkId(str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))),
            principals=frozenset({EVERYONE}),
            born=1,
            died=OPEN,
            dense=vectors[number - start],
            sparse=encoder.encode_passage(made_text(number % _TEXTS)),
        )


def _mib(measured: tuple[int, int, int]) -> tuple[int, float, float]:
    size, memory, disk = measured
    return size, memory / 2**20, disk / 2**20


if __name__ == "__main__":
    main()
