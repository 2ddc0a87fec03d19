"""Wherever a seal or its undoing is cut short, doing it again ends where it would have ended."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from ingestion.bootstrap import worker_over
from rag_service.bootstrap import open_container
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.drafts import Draft, DraftState, SealPurpose
from rag_service.domain.ids import TenantId
from rag_service.errors import LeaseLost
from rag_service.ports.catalog import Transaction
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings
from tests.integration.crashing import CrashError, CrashingCatalog, CrashingIndex, Fuse
from tests.integration.desk import DOCUMENTS, Desk, held
from tests.integration.reading import read_here
from tests.integration.snapshots import Snapshot, snapshot

pytestmark = pytest.mark.slow

ADMIN = system_scope(TenantId("tenant"))
Step = Callable[[Desk, Draft, Fuse], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class History:
    """A data folder with two published versions and a held draft, to be gone on with any number of times."""

    folder: Path
    index: MemoryIndex
    draft: Draft

    @asynccontextmanager
    async def again(self) -> AsyncIterator[Desk]:
        """Open a copy of it."""
        copy = next(self.folder.parent / str(number) for number in count() if not _is_there(self.folder, number))
        shutil.copytree(self.folder, copy)
        async with _desk(copy, deepcopy(self.index)) as desk:
            yield desk


@pytest.fixture
async def history(tmp_path: Path, migrated: Path) -> History:
    index = MemoryIndex()
    (tmp_path / "first").mkdir()
    shutil.copy(migrated, tmp_path / "first" / "catalog.db")
    async with _desk(tmp_path / "first", index) as desk:
        async with desk.worker.container.catalog.writing() as tx:
            await tx.keys.add_tenant(ADMIN.tenant_id, "Tenant")
        await desk.worker.container.create_corpus(ADMIN, name=desk.corpus)
        await desk.publish(DOCUMENTS)
        await desk.publish({"c": "Cherries are sour.", "e": "Elderberries are black."})
        draft = await desk.hold(uploads={"a": "Apples are green.", "d": "Dates are sweet."}, removals=("b",))
    return History(folder=tmp_path / "first", index=index, draft=draft)


async def seal(desk: Desk, draft: Draft, fuse: Fuse) -> None:
    parts = desk.worker.container
    sealing = desk.sealing(
        catalog=CrashingCatalog(inner=parts.catalog, fuse=fuse), index=CrashingIndex(inner=parts.index, fuse=fuse)
    )
    await sealing(ADMIN, draft.id, still_held=held)


async def unseal(desk: Desk, draft: Draft, fuse: Fuse) -> None:
    parts = desk.worker.container
    unsealing = desk.unsealing(
        catalog=CrashingCatalog(inner=parts.catalog, fuse=fuse), index=CrashingIndex(inner=parts.index, fuse=fuse)
    )
    await unsealing(ADMIN, draft.id, still_held=held)


async def to_publish(desk: Desk, draft: Draft) -> None:
    await desk.ask(draft, SealPurpose.PUBLISH)


async def to_publish_after_a_rollback(desk: Desk, draft: Draft) -> None:
    await desk.roll_back(1)
    await desk.ask(draft, SealPurpose.PUBLISH)


async def to_preview(desk: Desk, draft: Draft) -> None:
    await desk.ask(draft, SealPurpose.PREVIEW)


async def stale(desk: Desk, draft: Draft) -> None:
    await desk.seal(draft, SealPurpose.PREVIEW)
    await desk.roll_back(1)
    await desk.ask(draft, SealPurpose.PUBLISH)


async def sealed(desk: Desk, draft: Draft) -> None:
    await desk.seal(draft, SealPurpose.PREVIEW)


async def half_sealed(desk: Desk, draft: Draft) -> None:
    await desk.ask(draft, SealPurpose.PREVIEW)
    with pytest.raises(CrashError):
        await seal(desk, draft, Fuse(at=8))


@pytest.mark.parametrize(
    ("prepare", "step"),
    [
        (to_publish, seal),
        (to_publish_after_a_rollback, seal),
        (to_preview, seal),
        (stale, seal),
        (sealed, unseal),
        (half_sealed, unseal),
    ],
)
async def test_a_crash_anywhere_changes_nothing_in_the_end(history: History, prepare, step: Step) -> None:
    whole = Fuse()
    wanted = await _end(history, prepare, step, whole)

    ends = [await _end(history, prepare, step, Fuse(at=at)) for at in range(1, whole.steps + 1)]

    assert len(ends) > 5
    assert [at for at, end in enumerate(ends, start=1) if end != wanted] == []


async def test_wherever_a_seal_was_cut_short_it_can_be_undone(history: History) -> None:
    whole = Fuse()
    await _end(history, to_preview, seal, whole)
    async with history.again() as desk:
        wanted = await snapshot(desk)

    ends = [await _undone(history, at=at) for at in range(1, whole.steps + 1)]

    # A number that was given up shows what the one before does.
    assert [end | {"members": end["members"][:3]} for end in ends] == [wanted] * whole.steps


async def test_a_switch_between_a_crash_and_its_repetition_leaves_no_point_behind(history: History) -> None:
    whole = Fuse()
    await _end(history, to_publish_after_a_rollback, seal, whole)

    # The last three steps come after the draft was published.
    ends = [await _switched_meanwhile(history, at=at) for at in range(1, whole.steps - 2)]

    assert [end["members"][-1] for end in ends] == [[("a", 2), ("c", 2), ("d", 1), ("e", 1)]] * len(ends)
    assert [end for end in ends if not _index_shows_the_members(end)] == []


async def test_whoever_loses_the_job_writes_nothing_any_more(history: History) -> None:
    calls = count(1)

    async def still_held(tx: Transaction | None = None) -> None:
        if next(calls) == 3:
            raise LeaseLost

    async with history.again() as desk:
        await to_publish(desk, history.draft)
        with pytest.raises(LeaseLost):
            await desk.seal(history.draft, still_held=still_held)

        assert (await desk.draft(history.draft.id)).state is DraftState.SEALING
        assert next(calls) == 4


async def _end(history: History, prepare, step: Step, fuse: Fuse) -> Snapshot:
    """Return the end of a step that is repeated if the fuse blew."""
    async with history.again() as desk:
        await prepare(desk, history.draft)
        if fuse.at:
            with pytest.raises(CrashError):
                await step(desk, history.draft, fuse)
            fuse = Fuse()
        await step(desk, history.draft, fuse)
        return await snapshot(desk)


async def _undone(history: History, *, at: int) -> Snapshot:
    async with history.again() as desk:
        await to_preview(desk, history.draft)
        with pytest.raises(CrashError):
            await seal(desk, history.draft, Fuse(at=at))
        await unseal(desk, history.draft, Fuse())
        return await snapshot(desk)


async def _switched_meanwhile(history: History, *, at: int) -> Snapshot:
    async with history.again() as desk:
        await to_publish_after_a_rollback(desk, history.draft)
        with pytest.raises(CrashError):
            await seal(desk, history.draft, Fuse(at=at))
        await desk.roll_back(2)
        await seal(desk, history.draft, Fuse())
        return await snapshot(desk)


def _index_shows_the_members(end: Snapshot) -> bool:
    shown = [
        sorted({place[:2] for place, born, died in end["points"] if born <= number < died})
        for number in range(len(end["members"]))
    ]
    return shown == end["members"]


@asynccontextmanager
async def _desk(folder: Path, index: MemoryIndex, admin: AccessScope = ADMIN) -> AsyncIterator[Desk]:
    settings = Settings(
        data_dir=folder,
        embedding=EmbeddingSettings(backend="hashing", dimensions=16),
        retrieval=RetrievalSettings(backend="memory"),
        jobs=JobSettings(draft_patience_s=0),
    )
    async with open_container(settings) as container, worker_over(replace(container, index=index)) as worker:
        worker.prepare._read._parse = read_here
        yield Desk(worker=worker, admin=admin)


def _is_there(folder: Path, number: int) -> bool:
    return (folder.parent / str(number)).exists()
