"""FAISS when processes die, files are damaged and everything happens at once."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from rag_service.errors import IndexUnavailable, InvalidRequest, Misconfigured
from rag_service.retrieval.dense_structure import DenseStructure, stay
from rag_service.retrieval.faiss_index import FaissIndex
from rag_service.retrieval.faiss_store import FILE
from rag_service.retrieval.index_client import IndexClient
from tests.contract.index_points import assert_same, chunks, found, listed, point, point_id, points
from tests.faults.small_disks import mounted_disk
from tests.index_hosts import RunningHost, running_host
from tests.patience import PATIENCE_S

BUILD = "build"
KINDS = ["flat", "hnsw", "ivf"]
Opened = Callable[..., FaissIndex]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens the folder of the test; closed where it is still open."""
    indexes: list[FaissIndex] = []

    def open_again(**options) -> FaissIndex:
        for index in indexes:
            index.close()
        indexes[:] = [FaissIndex(tmp_path, exact_below=0, **options)]
        return indexes[0]

    yield open_again
    for index in indexes:
        index.close()


@pytest.fixture
def host() -> Iterator[RunningHost]:
    with running_host(RAG_RETRIEVAL__BACKEND="faiss") as started:
        yield started


@pytest.fixture
async def client(host: RunningHost) -> AsyncIterator[IndexClient]:
    opened = IndexClient(host.socket, PATIENCE_S, engine="faiss")
    yield opened
    await opened.aclose()


@pytest.mark.parametrize("kind", KINDS)
async def test_an_index_opened_again_gives_the_same_answers_without_a_rebuild(opened: Opened, kind: str) -> None:
    index = opened(kind=kind)
    await index.write(BUILD, points("p", 400))
    await index.purge(BUILD, [point_id("p1"), point_id("p399")])
    await index.optimise(BUILD)
    await index.write(BUILD, [point("p2", terms={1: 9.0}), *points("late", 20)])
    await index.retire(BUILD, [point_id("p3")], at=1)
    await index.purge(BUILD, [point_id("p0"), point_id("late0")])
    before, states = await found(index, BUILD, limit=30), await listed(index, BUILD)

    index = opened(kind=kind)

    assert_same(await found(index, BUILD, limit=30), before)
    assert await listed(index, BUILD) == states
    assert index.unindexed_count(BUILD) == 20


@pytest.mark.parametrize("file", ["s-*.faiss", "s-*.npy", "structure.json"])
async def test_a_damaged_structure_is_not_used_and_can_be_built_again(opened: Opened, tmp_path, file: str) -> None:
    index = opened(kind="hnsw")
    await index.write(BUILD, points("p", 300))
    await index.optimise(BUILD)
    before = await found(index, BUILD, limit=10)
    [damaged] = (tmp_path / BUILD).glob(file)
    damaged.write_bytes(damaged.read_bytes()[:-9] + b"123456789")

    index = opened(kind="hnsw")

    assert index.unindexed_count(BUILD) == 300
    assert_same(await found(index, BUILD, limit=10), before)
    await index.optimise(BUILD)
    assert index.unindexed_count(BUILD) == 0
    assert len(list((tmp_path / BUILD).glob("s-*"))) == 2


async def test_the_structure_of_another_build_is_not_used(opened: Opened, tmp_path: Path) -> None:
    index = opened()
    for build in (BUILD, "other"):
        await index.write(build, points(build, 10))
        await index.optimise(build)
    for file in (tmp_path / "other").glob("s*"):
        file.replace(tmp_path / BUILD / file.name)

    index = opened()

    assert index.unindexed_count(BUILD) == 10
    assert len(await found(index, BUILD)) == 10


@pytest.mark.parametrize("share", [0.0, 0.5])
async def test_a_build_whose_rows_are_damaged_is_told_and_the_others_are_served(opened, tmp_path, share: float) -> None:
    index = opened()
    await index.write(BUILD, points("p", 300))
    await index.write("other", [point("a")])
    index.close()
    rows = tmp_path / BUILD / "rows.db"
    os.truncate(rows, int(rows.stat().st_size * share))

    index = opened()

    assert await index.builds() == {BUILD: None, "other": 1}
    with pytest.raises(IndexUnavailable):
        await found(index, BUILD)
    await index.drop(BUILD)
    assert await index.builds() == {"other": 1}


async def test_rows_of_other_types_than_were_written_are_damage(opened: Opened, tmp_path: Path) -> None:
    index = opened()
    await index.write(BUILD, points("p", 3))
    await index.write("sound", points("s", 3))
    index.close()
    with closing(sqlite3.connect(tmp_path / BUILD / FILE)) as rows:
        rows.execute("UPDATE points SET principals = '[\"everyone]'")
        rows.commit()

    index = opened()

    assert await index.builds() == {BUILD: None, "sound": 3}
    with pytest.raises(IndexUnavailable):
        await found(index, BUILD)


async def test_what_a_crash_left_behind_is_removed_at_the_start(opened: Opened, tmp_path: Path) -> None:
    index = opened()
    await index.write(BUILD, [point("a")])
    await index.optimise(BUILD)
    index.close()
    (tmp_path / BUILD / "s-half.faiss").touch()
    for leftover in (".new-1", ".dropped-1", "lost+found"):
        (tmp_path / leftover).mkdir()

    await opened().builds()

    assert _names(tmp_path) == {".lock", BUILD, "lost+found"}
    assert "s-half.faiss" not in _names(tmp_path / BUILD)


async def test_a_second_opener_of_the_folder_is_refused(opened: Opened, tmp_path: Path) -> None:
    opened()

    with pytest.raises(Misconfigured, match="open in another process"):
        FaissIndex(tmp_path, exact_below=0)


async def test_a_structure_that_finds_too_little_is_not_believed(opened: Opened) -> None:
    class Lost:
        size = 300
        oversampling = 1.0

        def search(self, vectors, limit, *, allowed):
            found = stay_with[0].search(vectors, limit, allowed=allowed)
            found.rows[:, 3:] = -1
            return found

    stay_with: list[DenseStructure] = []

    def lose(structure, vectors):
        stay_with[:] = [structure]
        return Lost() if len(vectors) == 300 else stay(structure, vectors)

    index = opened(place=lose)
    await index.write(BUILD, points("p", 300))
    before = await found(index, BUILD, limit=10)

    await index.optimise(BUILD)

    assert_same(await found(index, BUILD, limit=10), before)


@pytest.mark.parametrize("kind", KINDS)
async def test_writes_searches_and_rebuilds_at_the_same_time_lose_nothing(opened: Opened, kind: str) -> None:
    index = opened(kind=kind)
    await index.write(BUILD, points("first", 200))
    done = asyncio.Event()

    async def write(name: str) -> None:
        for batch in range(10):
            await index.write(BUILD, points(f"{name}-{batch}-", 20))
            await index.purge(BUILD, [point_id(f"{name}-{batch}-0")])

    async def search() -> int:
        most = 0
        while not done.is_set():
            seen = len(await found(index, BUILD, limit=2_000))
            # What is purged is one of twenty just written: never do two writes end before a purge between them.
            assert seen >= most - 3
            most = max(most, seen)
        return most

    async def rebuild() -> None:
        while not done.is_set():
            await index.compact(BUILD)

    others = [asyncio.create_task(work()) for work in (search, search, rebuild)]
    await asyncio.gather(*(write(name) for name in ("a", "b", "c")))
    done.set()
    await asyncio.gather(*others)

    assert len(await listed(index, BUILD)) == len(await found(index, BUILD, limit=2_000)) == 200 + 3 * 10 * 19


async def test_a_write_whose_caller_goes_away_is_there_whole_or_not_at_all(opened: Opened) -> None:
    index = opened()
    await index.write(BUILD, [point("a")])
    writing = asyncio.create_task(index.write(BUILD, points("p", 500)))
    await asyncio.sleep(0)
    writing.cancel()

    await asyncio.gather(writing, return_exceptions=True)
    await index.write(BUILD, [point("b")])

    seen = len(await found(index, BUILD, limit=1_000))
    assert seen in {2, 502}
    assert len(await listed(index, BUILD)) == seen


async def test_rebuilds_whose_callers_go_away_harm_no_later_one(opened: Opened) -> None:
    index = opened()
    await index.write(BUILD, points("p", 100))
    for number in range(30):
        await index.purge(BUILD, [point_id(f"p{number}")])
        rebuilding = asyncio.create_task(index.compact(BUILD))
        await asyncio.sleep(number / 1_000)
        rebuilding.cancel()
    await asyncio.gather(rebuilding, return_exceptions=True)

    with suppress(IndexUnavailable):
        await index.compact(BUILD)
    await index.compact(BUILD)

    exact, near = [await found(index, BUILD, limit=20, exact=exact) for exact in (True, False)]
    assert_same(near, exact)
    assert index.unindexed_count(BUILD) == 0
    assert len(await found(index, BUILD, limit=200)) == len(await listed(index, BUILD)) == 70


async def test_what_was_acknowledged_survives_a_killed_host(host: RunningHost, client: IndexClient) -> None:
    await client.write(BUILD, points("p", 300))
    await client.optimise(BUILD)
    await client.retire(BUILD, [point_id("p1")], at=2)
    await client.purge(BUILD, [point_id("p2")])

    host.kill()
    host.start_again()

    assert len(await listed(client, BUILD)) == 299
    assert len(await found(client, BUILD, version=2, limit=1000)) == 298


async def test_a_host_killed_while_it_rebuilds_keeps_every_point(host: RunningHost, client: IndexClient) -> None:
    await client.write(BUILD, points("p", 3_000))
    rebuilding = asyncio.create_task(client.compact(BUILD))
    await client.write(BUILD, [point("late")])

    host.kill()
    await asyncio.gather(rebuilding, return_exceptions=True)
    host.start_again()

    assert await client.builds() == {BUILD: 3_001}


async def test_one_host_serves_both_engines_so_that_points_can_move(host: RunningHost, client: IndexClient) -> None:
    edge = IndexClient(host.socket, PATIENCE_S, engine="edge")
    await edge.write(BUILD, points("p", 20))
    assert await client.builds() == {}

    async for page in edge.points(BUILD):
        await client.write(BUILD, page)

    assert_same(await found(client, BUILD), await found(edge, BUILD))
    await edge.aclose()


async def test_an_engine_that_the_host_does_not_know_is_refused(host: RunningHost) -> None:
    client = IndexClient(host.socket, PATIENCE_S, engine="unheard-of")

    with pytest.raises(InvalidRequest, match="no engine 'unheard-of'"):
        await client.builds()
    await client.aclose()


async def test_a_full_disk_refuses_changes_and_keeps_and_serves_what_was_acknowledged() -> None:
    with mounted_disk(8) as folder:
        index = FaissIndex(folder, exact_below=0)
        written = await _write_until_refused(index)
        with pytest.raises(IndexUnavailable):
            await index.compact(BUILD)
        assert len(await found(index, BUILD, limit=100_000)) == written
        index.close()

        index = FaissIndex(folder, exact_below=0)
        assert await index.builds() == {BUILD: written}
        index.close()


SECRET = point(
    "chunk-of-the-person",
    corpus="corpus-of-the-person",
    principals=frozenset({"group-of-the-person"}),
    terms={1: 0.73519, 77_123: 0.123457},
)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_purged_point_leaves_no_byte_behind(opened: Opened, tmp_path: Path, kind: str) -> None:
    index = opened(kind=kind)
    await index.write(BUILD, [*points("p", 1_000), SECRET])
    await index.optimise(BUILD)
    assert _traces(tmp_path) == {"id", "chunk", "corpus", "principals", "dense", "sparse"}
    await index.purge(BUILD, [SECRET.id])

    await index.compact(BUILD)

    assert _traces(tmp_path) == set()
    assert _structured(tmp_path) == set(range(1, 1_001))


async def test_a_removed_corpus_and_a_point_written_anew_leave_no_byte_behind(opened: Opened, tmp_path: Path) -> None:
    index = opened()
    await index.write(BUILD, [*points("p", 50), SECRET])
    await index.optimise(BUILD)
    await index.write(BUILD, [point("chunk-of-the-person", corpus="corpus-of-the-person")])
    await index.remove_corpus(BUILD, SECRET.corpus_id)

    await index.compact(BUILD)

    assert _traces(tmp_path) == set()
    assert chunks(await found(index, BUILD, limit=3)) != []


async def _write_until_refused(index: FaissIndex) -> int:
    written = 0
    with suppress(IndexUnavailable):
        while True:
            await index.write(BUILD, points(f"w{written}-", 500))
            written += 500
    return written


def _structured(folder: Path) -> set[int]:
    """Return the numbers of the rows that the structures on disk were built of."""
    return {number for file in folder.glob("*/s-*.npy") for number in np.load(file).tolist()}


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _traces(folder: Path) -> set[str]:
    """Name the forms in which a file of the index holds something of the secret point."""
    forms = {
        "id": SECRET.id.encode(),
        "chunk": SECRET.chunk_id.encode(),
        "corpus": SECRET.corpus_id.encode(),
        "principals": b"group-of-the-person",
        "dense": SECRET.dense.astype("<f4").tobytes(),
        "sparse": SECRET.sparse.values.astype("<f4").tobytes(),
    }
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return {name for name, form in forms.items() if any(form in content for content in contents)}
