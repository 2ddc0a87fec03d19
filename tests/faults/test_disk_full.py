"""The disk of catalog and blobs is full: work fails with a reason, what is published is served, and with room all goes on."""

import os
import resource
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ingestion.bootstrap import worker_over
from rag_service.bootstrap import open_container
from rag_service.catalog.sql_catalog import utc_now
from rag_service.domain.drafts import SealPurpose
from rag_service.domain.jobs import JobState
from rag_service.domain.pages import MAX_LIMIT, PageRequest
from rag_service.errors import BlobsUnavailable, CatalogUnavailable, DependencyUnavailable
from tests.faults.power_cut import DATABASE, FIRST, SCOPE, SECOND, TEXTS, published, settings_in
from tests.faults.small_disks import mounted_disk
from tests.integration.desk import Desk

pytestmark = pytest.mark.slow

DISK_MIB = 24
_FRAMES = 8 * (4096 + 24)
_FINISHED = {JobState.SUCCEEDED}


@pytest.fixture(scope="module", autouse=True)
def hasty_commits() -> None:
    """Each commit reaches the disk, as it does where nobody tests."""


@dataclass
class Clock:
    """Nobody waits for a job that pauses."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@asynccontextmanager
async def opened(folder: Path, migrated: Path) -> AsyncIterator[tuple[Desk, Clock]]:
    """Open the service in a folder of its own with its first version published."""
    shutil.copytree(migrated.parent, folder, dirs_exist_ok=True)
    clock = Clock()
    async with open_container(settings_in(folder)) as container, worker_over(replace(container, clock=clock)) as worker:
        async with container.catalog.writing() as tx:
            await tx.keys.add_tenant(SCOPE.tenant_id, "Tenant")
        desk = Desk(worker=worker, admin=SCOPE)
        await container.create_corpus(SCOPE, name=desk.corpus)
        await desk.publish(FIRST)
        yield desk, clock


@contextmanager
def no_file_over(size_bytes: int) -> Iterator[None]:
    """Let every write beyond a size fail, in every file of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def log_bytes(folder: Path) -> int:
    return (folder / f"{DATABASE}-wal").stat().st_size


async def work(desk: Desk, clock: Clock) -> list[str]:
    """Work as long as something can be done; return what stood in the way."""
    complaints: list[str] = []
    for _ in range(6):
        try:
            await desk.work_off()
        except DependencyUnavailable as error:
            complaints.append(str(error))
        clock.ahead += timedelta(seconds=10)
    return complaints


async def unfinished(desk: Desk) -> list[str]:
    async with desk.worker.container.catalog.reading() as tx:
        listed = await tx.jobs.list(SCOPE, PageRequest(limit=MAX_LIMIT))
    return [f"{job.state} {job.detail}" for job in listed.items if job.state not in _FINISHED]


async def test_wherever_the_disk_fills_up_the_published_version_answers_and_with_room_the_next_one_comes(
    tmp_path: Path, migrated: Path
) -> None:
    """Claims, preparing, sealing, publishing: each of their transactions is the first one to find no room."""
    for step in range(1_000):
        folder = tmp_path / str(step)
        async with opened(folder, migrated) as (desk, clock):
            for key, text in SECOND.items():
                await desk.upload(key, text)

            with no_file_over(log_bytes(folder) + step * _FRAMES):
                complaints = await work(desk, clock)
                assert await desk.texts() == TEXTS[await published(desk)], step
            was_published = await published(desk)
            waiting = await unfinished(desk)
            assert not await work(desk, clock)

            assert await desk.texts() == TEXTS[2], step
            assert await unfinished(desk) == [], step
            assert was_published == 2 or complaints or waiting, step
        if was_published == 2:
            break
    assert step > 3


async def test_an_upload_without_room_fails_with_a_reason_leaves_nothing_and_can_be_repeated(
    tmp_path: Path, migrated: Path
) -> None:
    text = "Grapes are sour. " * 200_000
    async with opened(tmp_path, migrated) as (desk, _):
        before = files(tmp_path / "blobs")

        with no_file_over(2**20), pytest.raises(BlobsUnavailable, match="full"):
            await desk.upload("g", text)
        assert files(tmp_path / "blobs") == before

        await desk.upload("g", text)
        assert len(files(tmp_path / "blobs")) == len(before) + 1


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


async def test_an_upload_that_the_catalog_has_no_room_for_is_not_acknowledged(tmp_path: Path, migrated: Path) -> None:
    async with opened(tmp_path, migrated) as (desk, clock):
        with no_file_over(log_bytes(tmp_path)), pytest.raises(CatalogUnavailable, match="disk is full or broken"):
            await desk.upload("d", SECOND["d"])
        assert await desk.texts() == TEXTS[1]

        await desk.upload("d", SECOND["d"])
        await work(desk, clock)
        assert await desk.texts() == TEXTS[1] | {SECOND["d"]}


async def test_publishing_and_rolling_back_without_room_change_nothing(tmp_path: Path, migrated: Path) -> None:
    async with opened(tmp_path, migrated) as (desk, _):
        draft = await desk.hold(uploads=SECOND)
        await desk.seal(draft, SealPurpose.PREVIEW)
        await desk.ask(draft, SealPurpose.PUBLISH)

        with no_file_over(log_bytes(tmp_path)), pytest.raises(CatalogUnavailable):
            await desk.seal(draft)
        assert await desk.texts() == TEXTS[1]

        await desk.seal(draft)
        with no_file_over(log_bytes(tmp_path)), pytest.raises(CatalogUnavailable):
            await desk.roll_back(1)
        assert await desk.texts() == TEXTS[2]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    with mounted_disk(DISK_MIB) as folder:
        yield folder


@contextmanager
def filled(disk: Path, *, but: int) -> Iterator[None]:
    """Leave room for so many bytes."""
    filler = disk / "filler"
    room = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, room.f_bavail * room.f_frsize - but))
    yield
    filler.unlink()


@pytest.mark.parametrize("but", [0, 20_000, 80_000, 160_000])
async def test_a_disk_without_room_is_told_and_survived(small_disk: Path, migrated: Path, but: int) -> None:
    folder = small_disk / "data"
    async with opened(folder, migrated) as (desk, clock):
        for key, text in SECOND.items():
            await desk.upload(key, text)
        with filled(small_disk, but=but):
            complaints = await work(desk, clock)
            assert await desk.texts() == TEXTS[1]
            with pytest.raises(BlobsUnavailable, match="full"):
                await desk.upload("g", "Grapes are sour. " * 20_000)
        left = [path for path in files(folder / "blobs") if "incoming" in path.parts]
        assert not await work(desk, clock)

        assert await desk.texts() == TEXTS[2]
        assert left == []
        assert all("disk of the database is full" in complaint for complaint in complaints)
        assert complaints or but
