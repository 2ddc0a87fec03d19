"""Snapshot, destroy, restore: the same answers, on each engine."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rag_service.blobs.snapshot_folder import SnapshotFolder
from rag_service.domain.ids import Fingerprint
from rag_service.errors import BlobsUnavailable, Conflict, DataDamaged
from rag_service.ports.snapshots import SnapshotPart
from rag_service.ports.vector_index import Point
from rag_service.retrieval.memory import MemoryIndex
from rag_service.use_cases.indexes.restore_snapshot import Restored, RestoreSnapshot
from rag_service.use_cases.indexes.take_snapshot import TakeSnapshot
from tests.integration.engines import DOCUMENTS, ENGINES, Engines, engines_opened
from tests.integration.erasing import erase


@pytest.fixture(params=ENGINES)
async def engines(request: pytest.FixtureRequest, migrated_dir: Path, monkeypatch: pytest.MonkeyPatch):
    async with engines_opened(migrated_dir, monkeypatch, request.param) as opened:
        yield opened


@pytest.fixture
async def memory(migrated_dir: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engines]:
    """A service on memory."""
    async with engines_opened(migrated_dir, monkeypatch, "memory") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


def taking(engines: Engines, snapshots: SnapshotFolder) -> TakeSnapshot:
    clock = engines.desk.worker.container.clock
    return TakeSnapshot(index=engines.index, snapshots=snapshots, clock=clock, points_per_part=25)


def files_in(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


async def restore(engines: Engines, folder: Path) -> Restored:
    restoring = RestoreSnapshot(catalog=engines.catalog, index=engines.index, snapshots=SnapshotFolder(str(folder)))
    return await restoring(engines.build)


async def test_what_was_destroyed_answers_as_before(engines: Engines, folder: Path) -> None:
    before = await engines.answers()
    manifest = await taking(engines, SnapshotFolder(str(folder)))(engines.build)
    await engines.index.drop(engines.build)
    assert await engines.answers() == [[]] * len(before)

    restored = await restore(engines, folder)

    assert (manifest.points, len(manifest.parts), restored.points, restored.probes) == (DOCUMENTS, 3, DOCUMENTS, 8)
    assert await engines.answers() == before
    assert await engines.desk.worker.container.reconcile.everything() == []


async def test_what_was_erased_since_does_not_come_back(engines: Engines, folder: Path) -> None:
    await taking(engines, SnapshotFolder(str(folder)))(engines.build)
    await erase(engines.desk, "row-7")
    await engines.index.drop(engines.build)

    restored = await restore(engines, folder)

    assert (restored.points, restored.left_out) == (DOCUMENTS - 1, 1)
    assert await engines.index.builds() == {engines.build: DOCUMENTS - 1}
    assert await engines.desk.worker.container.reconcile.everything() == []


async def test_what_was_published_since_is_mended(memory: Engines, folder: Path) -> None:
    await taking(memory, SnapshotFolder(str(folder)))(memory.build)
    await memory.desk.publish({"new": "Something new."})
    await memory.index.drop(memory.build)
    await restore(memory, folder)

    await memory.desk.worker.container.reconcile.everything()

    assert await memory.index.builds() == {memory.build: DOCUMENTS + 1}


class FullFolder(SnapshotFolder):
    """Has room for one part."""

    async def write_part(self, fingerprint: Fingerprint, number: int, points: Sequence[Point]) -> SnapshotPart:
        if number > 1:
            raise BlobsUnavailable("It is full.")
        return await super().write_part(fingerprint, number, points)


async def test_a_snapshot_that_was_cut_short_goes_on(memory: Engines, folder: Path) -> None:
    with pytest.raises(BlobsUnavailable):
        await taking(memory, FullFolder(str(folder)))(memory.build)
    first = folder / memory.build / "part-00001.points"
    written = first.stat().st_mtime_ns

    manifest = await taking(memory, SnapshotFolder(str(folder)))(memory.build)

    assert manifest.points == DOCUMENTS
    assert first.stat().st_mtime_ns == written


async def test_a_damaged_part_of_a_snapshot_that_was_cut_short_is_written_again(memory: Engines, folder: Path) -> None:
    with pytest.raises(BlobsUnavailable):
        await taking(memory, FullFolder(str(folder)))(memory.build)
    first = folder / memory.build / "part-00001.points"
    first.write_bytes(b"damaged")
    await taking(memory, SnapshotFolder(str(folder)))(memory.build)
    await memory.index.drop(memory.build)

    assert (await restore(memory, folder)).points == DOCUMENTS


async def test_a_snapshot_that_is_not_complete_is_not_restored(memory: Engines, folder: Path) -> None:
    with pytest.raises(BlobsUnavailable):
        await taking(memory, FullFolder(str(folder)))(memory.build)

    with pytest.raises(Conflict, match="not complete"):
        await restore(memory, folder)


async def test_a_restore_leaves_out_the_parts_that_are_there(memory: Engines, folder: Path) -> None:
    manifest = await taking(memory, SnapshotFolder(str(folder)))(memory.build)
    snapshots = SnapshotFolder(str(folder))
    await memory.index.drop(memory.build)
    await memory.index.write(memory.build, await snapshots.read_part(memory.build, manifest.parts[0]))

    restored = await restore(memory, folder)

    assert (restored.points, restored.parts, restored.parts_there) == (DOCUMENTS, 3, 1)


class CountingIndex(MemoryIndex):
    """Counts the points that are written."""

    written = 0

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        self.written += len(points)
        await super().write(fingerprint, points)


async def test_of_a_part_that_is_there_but_for_one_point_only_that_is_written(
    migrated_dir: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    counting = CountingIndex()
    async with engines_opened(migrated_dir, monkeypatch, "counting", counting=counting) as engines:
        manifest = await taking(engines, SnapshotFolder(str(folder)))(engines.build)
        await counting.purge(engines.build, [manifest.parts[1].last])
        counting.written = 0

        restored = await restore(engines, folder)

        assert (counting.written, restored.points, restored.parts_there) == (1, DOCUMENTS, 2)


async def test_what_was_found_before_a_restore_is_asked_anew(memory: Engines, folder: Path) -> None:
    await taking(memory, SnapshotFolder(str(folder)))(memory.build)
    await memory.index.drop(memory.build)
    before = await memory.epochs()

    await restore(memory, folder)
    after = await memory.epochs()
    await restore(memory, folder)

    assert after == [epoch + 1 for epoch in before]
    assert await memory.epochs() == after


async def test_what_came_back_before_a_restore_failed_is_found(memory: Engines, folder: Path) -> None:
    await taking(memory, SnapshotFolder(str(folder)))(memory.build)
    await memory.index.drop(memory.build)
    (folder / memory.build / "part-00003.points").write_bytes(b"damaged")
    before = await memory.epochs()

    with pytest.raises(DataDamaged):
        await restore(memory, folder)

    assert await memory.epochs() == [epoch + 1 for epoch in before]


async def test_a_part_that_was_changed_is_refused(memory: Engines, folder: Path) -> None:
    await taking(memory, SnapshotFolder(str(folder)))(memory.build)
    part = folder / memory.build / "part-00002.points"
    part.write_bytes(part.read_bytes()[:-1] + b"x")

    with pytest.raises(DataDamaged, match=r"part-00002\.points"):
        await restore(memory, folder)


async def test_an_index_that_answers_otherwise_is_told(memory: Engines, folder: Path) -> None:
    manifest = await taking(memory, SnapshotFolder(str(folder)))(memory.build)
    snapshots = SnapshotFolder(str(folder))
    [probe, *_] = manifest.probes
    wrong = replace(probe, found=[replace(probe.found[0], dense_score=0.5)])
    await snapshots.note(replace(manifest, probes=[wrong]))

    with pytest.raises(DataDamaged, match="Question 1"):
        await restore(memory, folder)


async def test_a_snapshot_comes_back_into_another_engine(
    migrated_dir: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    async with engines_opened(migrated_dir, monkeypatch, "memory", "edge") as engines:
        await taking(engines, SnapshotFolder(str(folder)))(engines.build)
        restoring = RestoreSnapshot(
            catalog=engines.catalog, index=engines.by_name["edge"], snapshots=SnapshotFolder(str(folder))
        )

        assert (await restoring(engines.build)).points == DOCUMENTS


async def test_a_snapshot_holds_no_text(memory: Engines, folder: Path) -> None:
    await memory.desk.publish({"secret": "Pineapple ananas comosus."})

    await taking(memory, SnapshotFolder(str(folder)))(memory.build)

    assert not any(b"ineapple" in content for content in files_in(folder))
