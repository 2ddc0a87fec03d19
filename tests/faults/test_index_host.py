"""The index host when processes die, and against clients and folders that are not as they should be."""

import asyncio
import os
import shutil
import signal
import stat
import struct
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rag_service.errors import IndexUnavailable, InvalidRequest, Misconfigured
from rag_service.retrieval import wire
from rag_service.retrieval.edge_folder import remove_leftovers
from rag_service.retrieval.edge_shard import remove_unfinished_segments
from rag_service.retrieval.index_client import IndexClient
from rag_service.retrieval.qdrant_edge import EdgeIndex
from rag_service.retrieval.wire import MAX_FRAME_BYTES
from tests.contract.index_points import chunks, found, listed, point, point_id, points
from tests.index_hosts import RunningHost, children, running_host
from tests.patience import PATIENCE_S, until

BUILD = "build"


@pytest.fixture
def host() -> Iterator[RunningHost]:
    with running_host() as started:
        yield started


@pytest.fixture
async def client(host: RunningHost) -> AsyncIterator[IndexClient]:
    opened = IndexClient(host.socket, PATIENCE_S)
    yield opened
    await opened.aclose()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder for sockets: `tmp_path` can be longer than the kernel allows."""
    with tempfile.TemporaryDirectory(prefix="rag-") as folder:
        yield Path(folder)


async def test_what_was_acknowledged_survives_a_killed_host(host: RunningHost, client: IndexClient) -> None:
    await client.write(BUILD, points("p", 300))
    await client.retire(BUILD, [point_id("p1")], at=2)
    await client.purge(BUILD, [point_id("p2")])

    host.kill()
    host.start_again()

    assert len(await listed(client, BUILD)) == 299
    assert len(await found(client, BUILD, version=2, limit=1000)) == 298


@pytest.mark.parametrize(("work", "generations"), [("optimise", 2), ("compact", 2), ("compact", 3)])
async def test_a_host_killed_while_it_rebuilds_keeps_every_point(host, client, work: str, generations: int) -> None:
    await client.write(BUILD, points("p", 2_000))
    await client.purge(BUILD, [point_id("p0")])
    rebuilding = asyncio.create_task(getattr(client, work)(BUILD))
    await until(lambda: len(_generations(host.data_dir)) == generations)
    await client.write(BUILD, [point("late")])

    host.kill()
    with pytest.raises(IndexUnavailable):
        await rebuilding
    host.start_again()

    assert len(await listed(client, BUILD)) == 2_000
    assert len(_generations(host.data_dir)) == 1


@pytest.mark.parametrize("work", ["optimise", "compact"])
async def test_a_rebuild_whose_child_is_killed_fails_and_leaves_the_build_as_it_was(host, client, work: str) -> None:
    await client.write(BUILD, points("p", 2_000))
    before = _generations(host.data_dir)
    rebuilding = asyncio.create_task(getattr(client, work)(BUILD))
    await until(lambda: children(host))
    await client.write(BUILD, [point("late")])

    for child in children(host):
        os.kill(child, signal.SIGKILL)
    with pytest.raises(IndexUnavailable):
        await rebuilding

    assert len(await found(client, BUILD, limit=3_000)) == 2_001
    assert _generations(host.data_dir) == before


@pytest.mark.parametrize("work", ["optimise", "compact"])
async def test_a_host_told_to_stop_while_it_rebuilds_stops_and_keeps_every_point(host, client, work: str) -> None:
    await client.write(BUILD, points("p", 2_000))
    rebuilding = asyncio.create_task(getattr(client, work)(BUILD))
    await until(lambda: len(_generations(host.data_dir)) == 2)

    assert host.stop() == 0
    with pytest.raises(IndexUnavailable):
        await rebuilding
    host.start_again()

    assert len(await listed(client, BUILD)) == 2_000


@pytest.mark.parametrize("work", ["optimise", "compact"])
async def test_a_build_dropped_while_it_is_rebuilt_does_not_wait_for_the_end(host, client, work: str) -> None:
    await client.write(BUILD, points("p", 2_000))
    rebuilding = asyncio.create_task(getattr(client, work)(BUILD))
    await until(lambda: children(host))

    await client.drop(BUILD)

    with pytest.raises(IndexUnavailable):
        await rebuilding
    assert _names(host.data_dir / "index") == {".lock"}


async def test_a_build_that_cannot_be_opened_can_be_dropped(host: RunningHost, client: IndexClient) -> None:
    await client.write(BUILD, [point("a")])
    host.stop()
    for generation in _generations(host.data_dir):
        (generation / "edge_config.json").write_text("{")
    host.start_again()

    await client.drop(BUILD)

    assert await client.builds() == {}


async def test_a_dropped_build_stays_away_when_the_host_is_killed(host: RunningHost, client: IndexClient) -> None:
    await client.write(BUILD, [point("a")])
    await client.drop(BUILD)

    host.kill()
    host.start_again()

    assert await client.builds() == {}


async def test_an_optimised_build_survives_a_killed_host(host: RunningHost, client: IndexClient) -> None:
    await client.write(BUILD, points("p", 300))
    await client.optimise(BUILD)

    host.kill()
    host.start_again()

    assert await client.builds() == {BUILD: 300}


def test_a_second_host_on_the_same_folder_is_refused(host: RunningHost) -> None:
    second = host.second()

    assert second.returncode == 1
    assert "is open in another process" in second.stderr
    assert host.socket.exists()


def test_a_second_opener_in_the_same_process_is_refused(tmp_path: Path) -> None:
    first = EdgeIndex(tmp_path, exact_below=0)
    try:
        with pytest.raises(Misconfigured, match="open in another process"):
            EdgeIndex(tmp_path, exact_below=0)
    finally:
        first.close()


async def test_a_host_that_is_told_to_stop_leaves_no_socket(host: RunningHost, client: IndexClient) -> None:
    await client.write(BUILD, [point("a")])

    assert host.stop() == 0
    assert not host.socket.exists()


async def test_a_client_goes_on_with_a_host_that_was_started_again(host: RunningHost, client: IndexClient) -> None:
    await client.write(BUILD, [point("a")])

    host.stop()
    host.start_again()

    assert chunks(await found(client, BUILD)) == ["a"]


async def test_without_a_host_the_index_is_unavailable(host: RunningHost, client: IndexClient) -> None:
    host.stop()

    with pytest.raises(IndexUnavailable):
        await found(client, BUILD)


async def test_a_host_that_does_not_answer_in_time_is_unavailable(short_folder: Path) -> None:
    hung_up = asyncio.Event()

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    async with await asyncio.start_unix_server(stay_silent, short_folder / "silent.sock"):
        client = IndexClient(short_folder / "silent.sock", 0.1)
        with pytest.raises(IndexUnavailable, match="did not answer"):
            await client.builds()
        await hung_up.wait()


async def test_a_host_of_the_release_before_that_reads_no_vectors_is_unavailable_for_that(short_folder: Path) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await wire.read_message(reader):
            await wire.send_message(writer, wire.error_message(InvalidRequest("The index host knows no operation.")))
        writer.close()

    async with await asyncio.start_unix_server(refuse, short_folder / "old.sock"):
        client = IndexClient(short_folder / "old.sock", PATIENCE_S)
        with pytest.raises(IndexUnavailable, match="no operation"):
            await client.dense_vectors(BUILD, [point_id("a")])
        await client.aclose()


def test_the_socket_is_for_its_owner_alone(host: RunningHost) -> None:
    assert stat.S_IMODE(host.socket.stat().st_mode) == 0o600


@pytest.mark.parametrize("noise", [struct.pack(">I", MAX_FRAME_BYTES + 1), struct.pack(">I", 3) + b"\xc1\xc1\xc1"])
async def test_a_client_that_speaks_noise_is_cut_off_and_no_other(host, client: IndexClient, noise: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(host.socket)
    writer.write(noise)

    assert await reader.read() == b""
    assert await client.builds() == {}
    writer.close()
    await writer.wait_closed()


async def test_the_name_of_a_build_cannot_lead_out_of_the_folder(client: IndexClient) -> None:
    with pytest.raises(InvalidRequest):
        await client.write("../elsewhere", [point("a")])


async def test_a_host_optimises_by_itself_when_writers_have_stopped() -> None:
    with running_host(RAG_RETRIEVAL__OPTIMISE_AFTER="100") as host:
        client = IndexClient(host.socket, PATIENCE_S)
        await client.write(BUILD, points("p", 120))
        [before] = _generations(host.data_dir)

        await until(lambda: before not in _generations(host.data_dir))

        assert await client.builds() == {BUILD: 120}
        await client.aclose()


async def test_a_build_that_cannot_be_opened_leaves_the_others_served(host: RunningHost, client: IndexClient) -> None:
    await client.write(BUILD, [point("a")])
    await client.write("damaged", [point("b")])
    host.stop()
    for generation in (host.data_dir / "index" / "damaged").glob("g-*"):
        (generation / "edge_config.json").write_text("{")
    host.start_again()

    assert await client.builds() == {BUILD: 1, "damaged": None}
    with pytest.raises(IndexUnavailable):
        await found(client, "damaged")
    assert chunks(await found(client, BUILD)) == ["a"]


async def test_what_a_crash_left_behind_is_removed_at_the_start(tmp_path: Path) -> None:
    index = EdgeIndex(tmp_path, exact_below=0)
    await index.write(BUILD, [point("a")])
    index.close()
    [current] = (tmp_path / BUILD).glob("g-*")
    shutil.copytree(current, tmp_path / BUILD / "g-half-a-copy")
    (tmp_path / "never-finished" / "g-1").mkdir(parents=True)
    (tmp_path / ".dropped-1" / "g-1").mkdir(parents=True)
    (tmp_path / "lost+found").mkdir()

    remove_leftovers(tmp_path)

    assert list((tmp_path / BUILD).glob("g-*")) == [current]
    assert _names(tmp_path) == {".lock", BUILD, "lost+found"}


def test_segments_of_a_killed_optimiser_are_removed(tmp_path: Path) -> None:
    (tmp_path / "temp_segments" / "segment_builder_x").mkdir(parents=True)

    remove_unfinished_segments(tmp_path)

    assert list((tmp_path / "temp_segments").iterdir()) == []


def _generations(data_dir: Path) -> list[Path]:
    return sorted((data_dir / "index" / BUILD).glob("g-*"))


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
