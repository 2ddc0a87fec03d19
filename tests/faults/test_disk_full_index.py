"""The index's disk is full: work fails and leaves nothing, what is there is served, and with room it goes on by itself."""

import asyncio
import os
import resource
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rag_service.errors import IndexUnavailable
from rag_service.ports.vector_index import Point
from rag_service.retrieval.index_client import IndexClient
from tests.contract.index_points import found, listed, point, point_id, points, query
from tests.faults.small_disks import mounted_disk
from tests.index_hosts import RunningHost, children, running_host
from tests.patience import until

pytestmark = pytest.mark.slow

BUILD = "build"
REBUILDS = ["optimise", "compact"]
_MIB = 2**20
_DISK_MIB = 256
_WIDE = 16_384


@pytest.fixture
def small_disk() -> Iterator[Path]:
    with mounted_disk(_DISK_MIB) as folder:
        yield folder


@pytest.fixture
def crowded(small_disk: Path) -> Iterator[RunningHost]:
    host = RunningHost(small_disk)
    yield host
    if host.process.poll() is None:
        host.kill()


@pytest.fixture
def host() -> Iterator[RunningHost]:
    with running_host() as started:
        yield started


@pytest.fixture
async def client(request: pytest.FixtureRequest) -> AsyncIterator[IndexClient]:
    name = "crowded" if "crowded" in request.fixturenames else "host"
    opened = IndexClient(request.getfixturevalue(name).socket, 60.0)
    yield opened
    await opened.aclose()


async def test_a_full_disk_refuses_changes_and_serves_on(crowded: RunningHost, client: IndexClient) -> None:
    await client.write(BUILD, points("p", 300))

    with _full(crowded.data_dir):
        for change in (client.write(BUILD, [point("late")]), client.purge(BUILD, [point_id("p1")])):
            with pytest.raises(IndexUnavailable, match="disk is full"):
                await change
        assert len(await found(client, BUILD)) > 0

    await client.write(BUILD, [point("late")])
    assert len(await listed(client, BUILD)) == 301


async def test_a_disk_that_is_written_full_keeps_what_was_acknowledged(crowded, client: IndexClient) -> None:
    acknowledged = await _write_until_refused(client)
    crowded.kill()
    crowded.start_again()

    assert acknowledged > 500
    assert {f"w{number}" for number in range(acknowledged)} <= {one.chunk_id for one in await listed(client, BUILD)}


async def test_a_new_build_on_a_full_disk_leaves_nothing(crowded: RunningHost, client: IndexClient) -> None:
    with _full(crowded.data_dir), pytest.raises(IndexUnavailable):
        await client.write(BUILD, [point("a")])

    assert not (crowded.data_dir / "index" / BUILD).exists()
    await client.write(BUILD, [point("a")])
    assert await client.builds() == {BUILD: 1}


@pytest.mark.parametrize("work", REBUILDS)
async def test_a_build_is_not_rebuilt_without_room_for_it(crowded, client: IndexClient, work: str) -> None:
    await client.write(BUILD, points("p", 2_500))

    with _full(crowded.data_dir, but_mib=70), pytest.raises(IndexUnavailable, match="disk is full"):
        await getattr(client, work)(BUILD)

    await _serves_and_can(work, crowded, client)


@pytest.mark.parametrize("work", REBUILDS)
async def test_a_disk_that_fills_up_while_a_build_is_rebuilt(crowded, client: IndexClient, work: str) -> None:
    await client.write(BUILD, points("p", 2_500))
    before = _generations(crowded)
    rebuilding = asyncio.create_task(getattr(client, work)(BUILD))
    await until(lambda: children(crowded))

    with _full(crowded.data_dir):
        with pytest.raises(IndexUnavailable):
            await rebuilding
        assert _generations(crowded) == before
        assert len(await found(client, BUILD)) > 0

    await _serves_and_can(work, crowded, client)


async def test_a_full_disk_does_not_keep_a_build_from_being_dropped(crowded: RunningHost, client: IndexClient) -> None:
    await client.write(BUILD, points("p", 300))

    with _full(crowded.data_dir):
        await client.drop(BUILD)

    assert await client.builds() == {}


async def test_a_write_that_the_engine_failed_can_be_repeated_with_the_same_host(host, client: IndexClient) -> None:
    await client.write(BUILD, _wide_points(0, 100))

    with _no_large_files(host):
        acknowledged = 100 + await _write_until_refused(client, start=100)
        with pytest.raises(IndexUnavailable):
            await client.write(BUILD, _wide_points(acknowledged, 1))
        assert len(await _found_wide(client)) >= acknowledged

    await client.write(BUILD, _wide_points(acknowledged, 50))
    assert len(await _found_wide(client)) == acknowledged + 50


@pytest.mark.parametrize("work", REBUILDS)
async def test_a_rebuild_that_cannot_write_its_files_fails_clean(host, client: IndexClient, work: str) -> None:
    await client.write(BUILD, points("p", 2_500))

    with _no_large_files(host), pytest.raises(IndexUnavailable):
        await getattr(client, work)(BUILD)

    await _serves_and_can(work, host, client)


async def _serves_and_can(work: str, host: RunningHost, client: IndexClient) -> None:
    """Check that the generation from before serves alone, and that the work succeeds now, in the same host."""
    [before] = _generations(host)
    assert len(await found(client, BUILD, limit=3_000)) == 2_500

    await getattr(client, work)(BUILD)

    [after] = _generations(host)
    assert after != before
    assert len(await found(client, BUILD, limit=3_000)) == 2_500


@contextmanager
def _full(disk: Path, *, but_mib: int = 4) -> Iterator[None]:
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - but_mib * _MIB)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def _no_large_files(host: RunningHost) -> Iterator[None]:
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(host.process.pid, resource.RLIMIT_FSIZE, (8 * _MIB, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(host.process.pid, resource.RLIMIT_FSIZE, unlimited)


def _wide_points(start: int, count: int) -> list[Point]:
    """Points so large that a few hundred take another file of the engine."""
    return [point(f"w{number}", vector=_wide(number)) for number in range(start, start + count)]


def _wide(number: int):
    return np.random.default_rng(number).normal(size=_WIDE).astype(np.float32)


async def _found_wide(client: IndexClient):
    return await found(client, BUILD, asked=query(_wide(0)), limit=3_000)


async def _write_until_refused(client: IndexClient, *, start: int = 0) -> int:
    """Return how many points were acknowledged."""
    acknowledged = 0
    while acknowledged < 10_000:
        try:
            await client.write(BUILD, _wide_points(start + acknowledged, 50))
        except IndexUnavailable:
            return acknowledged
        acknowledged += 50
    raise AssertionError("the disk never filled up")


def _generations(host: RunningHost) -> list[Path]:
    return sorted((host.data_dir / "index" / BUILD).glob("g-*"))
