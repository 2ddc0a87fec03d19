"""What was purged leaves the index's disk with the next compaction: looked for byte by byte."""

import struct
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from rag_service.domain.ids import CorpusId
from rag_service.ports.vector_index import Point
from rag_service.retrieval.index_client import IndexClient
from tests.contract.index_points import found, listed, point, points, scope
from tests.index_hosts import RunningHost, running_host
from tests.sparse_files import written

BUILD = "build"
SECRET = point(
    "chunk-of-the-person",
    corpus="corpus-of-the-person",
    principals=frozenset({"group-of-the-person"}),
    terms={1: 0.73519, 77_123: 0.123457},
)
EVERY_TRACE = {"id", "id as text", "chunk", "corpus", "principals", "dense", "dense in the log", "sparse"}


@pytest.fixture
def host() -> Iterator[RunningHost]:
    with running_host() as started:
        yield started


@pytest.fixture
async def client(host: RunningHost) -> AsyncIterator[IndexClient]:
    opened = IndexClient(host.socket, 60.0)
    # So many that the engine builds its structures: below, it leaves everything as it was written.
    await opened.write(BUILD, [*points("p", 3_000), SECRET])
    yield opened
    await opened.aclose()


async def test_a_purged_point_leaves_no_byte_behind(host: RunningHost, client: IndexClient) -> None:
    await client.optimise(BUILD)
    await client.purge(BUILD, [SECRET.id])
    assert _traces(host, SECRET) == EVERY_TRACE

    await client.compact(BUILD)

    assert _traces(host, SECRET) == set()
    assert len(await listed(client, BUILD)) == 3_000


async def test_optimising_alone_leaves_a_purged_point_on_the_disk(host: RunningHost, client: IndexClient) -> None:
    await client.purge(BUILD, [SECRET.id])

    await client.optimise(BUILD)

    assert "id" in _traces(host, SECRET)


async def test_a_removed_corpus_leaves_no_byte_behind(host: RunningHost, client: IndexClient) -> None:
    await client.remove_corpus(BUILD, SECRET.corpus_id)

    await client.compact(BUILD)

    assert _traces(host, SECRET) == set()


async def test_a_dropped_build_leaves_no_byte_behind(host: RunningHost, client: IndexClient) -> None:
    await client.drop(BUILD)

    assert _traces(host, SECRET) == set()


async def test_a_point_that_is_dead_but_not_purged_stays(host: RunningHost, client: IndexClient) -> None:
    await client.retire(BUILD, [SECRET.id], at=2)

    await client.compact(BUILD)

    [seen] = await found(client, BUILD, corpus=SECRET.corpus_id, version=1, by=scope("group-of-the-person"))
    assert seen.point_id == SECRET.id
    assert (await client.corpora(BUILD))[CorpusId("corpus-of-the-person")] == 1


async def test_a_purged_point_is_gone_from_the_disk_after_a_host_that_was_killed(host, client: IndexClient) -> None:
    await client.purge(BUILD, [SECRET.id])
    await client.compact(BUILD)

    host.kill()
    host.start_again()

    assert _traces(host, SECRET) == set()
    assert len(await listed(client, BUILD)) == 3_000


def _traces(host: RunningHost, one: Point) -> set[str]:
    """Name the forms in which a file of the index holds something of a point."""
    files = [written(path) for path in (host.data_dir / "index").rglob("*") if path.is_file()]
    return {name for name, form in _forms(one) if any(form in content for content in files)}


def _forms(one: Point) -> Iterator[tuple[str, bytes]]:
    number, dense = uuid.UUID(one.id), one.dense.astype("<f4")
    yield from (("id", form) for form in (number.bytes, number.bytes[::-1], number.bytes_le))
    yield from (("id as text", form.encode()) for form in (one.id, number.hex))
    yield from [("chunk", one.chunk_id.encode()), ("corpus", one.corpus_id.encode())]
    yield from (("principals", name.encode()) for name in one.principals)
    yield from [("dense", dense.tobytes()), ("dense in the log", _cbor(dense))]
    yield from (("sparse", form) for form in (one.sparse.values.astype("<f4").tobytes(), _cbor(one.sparse.values)))


def _cbor(numbers) -> bytes:
    """Write numbers as the engine's log does."""
    return b"".join(b"\xfa" + struct.pack(">f", number) for number in numbers)
