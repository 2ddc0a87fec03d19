"""Each fault is planted, told of by a dry run that changes nothing, and mended."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rag_service.blobs.fsspec_store import FsspecBlobStore
from rag_service.catalog.sql_catalog import open_catalog
from rag_service.domain.access import Permission
from rag_service.domain.findings import FindingKind
from rag_service.domain.ids import CorpusId, DraftId, Fingerprint
from rag_service.domain.versions import OPEN
from rag_service.errors import BlobsUnavailable, IndexUnavailable, NotFound
from rag_service.ports.catalog import Transaction
from rag_service.ports.vector_index import PointState
from rag_service.retrieval.memory import MemoryIndex
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    FINGERPRINT,
    READER,
    START,
    STRANGER,
    SYSTEM,
    build,
    corpus,
    document,
    prepare,
    remove,
    seal,
    upload,
)
from tests.unit.reconcilable import NOW, World, a_point, counts, pid, points_of_two_versions, two_versions

Fault = Callable[[World], Awaitable[None]]


@pytest.fixture(scope="module")
def filled(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Catalog and blobs of two versions, made once: that takes longer than the tests."""
    folder = tmp_path_factory.mktemp("filled")
    shutil.copy(migrated, folder / "catalog.db")

    async def fill() -> None:
        async with open_catalog(f"sqlite+aiosqlite:///{folder}/catalog.db") as catalog:
            await two_versions(catalog, MemoryIndex(), folder / "blobs")

    asyncio.run(fill())
    return folder


@pytest.fixture
async def world(filled: Path, tmp_path: Path) -> AsyncIterator[World]:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    index, blobs = MemoryIndex(), tmp_path / "blobs"
    await index.write(FINGERPRINT, await points_of_two_versions())
    async with open_catalog(f"sqlite+aiosqlite:///{tmp_path}/catalog.db") as catalog:
        yield World(catalog, index, FsspecBlobStore(f"file://{blobs}"), blobs)


async def lose_points(world: World) -> None:
    await world.index.purge(FINGERPRINT, [pid("a"), pid("c"), pid("a", 2, 2)])


async def leave_an_orphan(world: World) -> None:
    await world.index.write(FINGERPRINT, [await a_point("b", born=2)])


async def show_another_chunk(world: World) -> None:
    await world.index.write(FINGERPRINT, [replace(await a_point("a"), id=pid("c"))])


async def put_under_another_tenant(world: World) -> None:
    await world.index.write(FINGERPRINT, [await a_point("c", tenant="theirs")])


async def forget_a_death(world: World) -> None:
    await world.index.revive(FINGERPRINT, [pid("b")])


async def let_one_die(world: World) -> None:
    await world.index.retire(FINGERPRINT, [pid("c")], at=2)


async def change_rights(world: World) -> None:
    async with world.catalog.writing() as tx:
        await tx.documents.grant(SYSTEM, document("a").id, frozenset({"board", "legal"}))


FAULTS: dict[str, tuple[Fault, FindingKind, int]] = {
    "missing": (lose_points, FindingKind.MISSING_POINT, 3),
    "orphan": (leave_an_orphan, FindingKind.ORPHAN_POINT, 1),
    "another chunk": (show_another_chunk, FindingKind.WRONG_POINT, 1),
    "another tenant": (put_under_another_tenant, FindingKind.WRONG_POINT, 1),
    "death forgotten": (forget_a_death, FindingKind.WRONG_INTERVAL, 1),
    "died without reason": (let_one_die, FindingKind.WRONG_INTERVAL, 1),
    "rights of all revisions": (change_rights, FindingKind.WRONG_PRINCIPALS, 2),
}


async def test_what_agrees_has_no_findings(world: World) -> None:
    assert await world.reconciler()(SYSTEM, dry_run=False) == []
    assert await world.reconciler().everything() == []
    assert await world.reconciler().before_sealing() == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_dry_run_tells_of_a_fault_and_changes_nothing(world: World, fault: str) -> None:
    plant, kind, number = FAULTS[fault]
    await plant(world)
    before = await world.states()

    found = await world.reconciler()(SYSTEM, dry_run=True)

    assert counts(found) == {kind: (number, 0)}
    assert [example.corpus_id for example in found[0].examples] == [CORPUS] * number
    assert await world.states() == before


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_mended(world: World, fault: str) -> None:
    plant, kind, number = FAULTS[fault]
    await plant(world)

    assert counts(await world.reconciler()(SYSTEM, dry_run=False)) == {kind: (number, number)}
    assert await world.reconciler()(SYSTEM, dry_run=True) == []


async def test_points_that_are_written_again_are_as_they_were(world: World) -> None:
    before = await world.states()
    await lose_points(world)

    await world.reconciler()(SYSTEM, corpus="handbook", dry_run=False)

    assert await world.states() == before


async def test_rights_reach_dead_points_too(world: World) -> None:
    await change_rights(world)

    await world.reconciler()(SYSTEM, dry_run=False)

    granted = {state.id for state in await world.states() if state.principals == {"board", "legal"}}
    assert granted == {pid("a"), pid("a", 2, 2)}


async def begin_sealing(world: World, *, ending: str | None = None) -> DraftId:
    """Start version 3, which brings d and may end a document, and write its point."""
    draft_id = await upload(world.catalog, "d")
    await prepare(world.catalog, "d")
    if ending:
        await remove(world.catalog, ending)
    async with world.catalog.writing() as tx:
        await tx.drafts.start_sealing(SYSTEM, draft_id, START)
    await world.index.write(FINGERPRINT, [await a_point("d", born=3)])
    return draft_id


async def test_points_of_a_draft_that_is_sealing_are_left_alone(world: World) -> None:
    await begin_sealing(world)
    await world.index.retire(FINGERPRINT, [pid("c")], at=3)

    assert await world.reconciler()(SYSTEM, corpus="handbook", dry_run=False) == []
    assert {state.id: state.died for state in await world.states()}[pid("c")] == 3


async def test_what_a_seal_ends_is_told_and_not_mended(world: World) -> None:
    await begin_sealing(world, ending="c")
    await world.index.purge(FINGERPRINT, [pid("c"), pid("b")])

    found = await world.reconciler()(SYSTEM, corpus="handbook", dry_run=False)

    assert counts(found) == {FindingKind.MISSING_POINT: (2, 1)}
    assert pid("b") in {state.id for state in await world.states()}


async def test_what_a_seal_leaves_as_it_is_is_mended_while_it_goes_on(world: World) -> None:
    """A death that a lost seal wrote must not come true with the next number."""
    await begin_sealing(world, ending="a")
    await world.index.retire(FINGERPRINT, [pid("c")], at=4)

    found = await world.reconciler()(SYSTEM, corpus="handbook", dry_run=False)

    assert counts(found) == {FindingKind.WRONG_INTERVAL: (1, 1)}
    assert {state.id: state.died for state in await world.states()}[pid("c")] == OPEN


async def test_a_seal_that_began_meanwhile_may_end_anything(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.index.retire(FINGERPRINT, [pid("c")], at=4)
    writing = world.catalog.writing

    @asynccontextmanager
    async def after_a_seal_began() -> AsyncIterator[Transaction]:
        monkeypatch.undo()
        await begin_sealing(world, ending="c")
        async with writing() as tx:
            yield tx

    monkeypatch.setattr(world.catalog, "writing", after_a_seal_began)
    found = await world.reconciler()(SYSTEM, corpus="handbook", dry_run=False)

    assert counts(found) == {FindingKind.WRONG_INTERVAL: (1, 0)}


async def test_orphans_go_while_a_draft_is_sealing(world: World) -> None:
    await begin_sealing(world)
    await leave_an_orphan(world)

    assert counts(await world.reconciler()(SYSTEM, corpus="handbook", dry_run=False)) == {
        FindingKind.ORPHAN_POINT: (1, 1)
    }


async def test_a_seal_goes_on_after_it_was_looked_at(world: World) -> None:
    draft_id = await begin_sealing(world)
    await world.reconciler()(SYSTEM, corpus="handbook", dry_run=False)

    await seal(world.catalog, draft_id)

    assert await world.reconciler()(SYSTEM, corpus="handbook", dry_run=True) == []


async def test_before_a_seal_no_point_has_a_number_that_was_not_given(world: World) -> None:
    await world.index.write(FINGERPRINT, [await a_point("b", born=3), await a_point("c", born=4)])

    found = await world.reconciler().before_sealing()

    assert counts(found) == {FindingKind.ORPHAN_POINT: (2, 2)}
    assert max(state.born for state in await world.states()) == 2


async def test_before_a_seal_a_corpus_with_a_wrong_count_is_mended(world: World) -> None:
    await lose_points(world)

    assert counts(await world.reconciler().before_sealing()) == {FindingKind.MISSING_POINT: (3, 3)}


async def test_points_of_a_corpus_that_does_not_exist_are_removed(world: World) -> None:
    await world.index.write(FINGERPRINT, [await a_point("b", born=2, corpus="gone")])

    assert counts(await world.reconciler().everything()) == {FindingKind.UNKNOWN_CORPUS: (1, 1)}
    assert await world.states("gone") == []


async def test_a_build_that_no_corpus_has_is_told_and_left(world: World) -> None:
    await world.index.write(Fingerprint("other"), [await a_point("c")])

    found = await world.reconciler().everything()

    assert counts(found) == {FindingKind.UNKNOWN_BUILD: (1, 0)}
    assert [example.subject for example in found[0].examples] == ["other"]


class _Unreadable(MemoryIndex):
    async def builds(self) -> dict[Fingerprint, int | None]:
        return dict.fromkeys(await super().builds())


async def test_a_build_that_cannot_be_opened_is_told(world: World) -> None:
    world.index = _Unreadable()
    await world.index.write(FINGERPRINT, [await a_point("c")])

    assert counts(await world.reconciler()(SYSTEM, dry_run=False)) == {FindingKind.UNREADABLE_BUILD: (1, 0)}


async def test_bytes_that_no_file_has_go_after_a_day(world: World) -> None:
    old = await world.store(b"old")
    fresh = await world.store(b"fresh", written=NOW - timedelta(hours=23))

    found = await world.reconciler()(SYSTEM, dry_run=False)

    assert counts(found) == {FindingKind.ORPHAN_BLOB: (1, 1)}
    assert (await world.blobs.exists(SYSTEM, old), await world.blobs.exists(SYSTEM, fresh)) == (False, True)


async def test_a_dry_run_keeps_bytes_that_no_file_has(world: World) -> None:
    old = await world.store(b"old")

    assert counts(await world.reconciler()(SYSTEM, dry_run=True)) == {FindingKind.ORPHAN_BLOB: (1, 0)}
    assert await world.blobs.exists(SYSTEM, old)


async def test_a_file_whose_bytes_are_gone_is_told(world: World) -> None:
    world.lose_blobs()

    assert counts(await world.reconciler()(SYSTEM, dry_run=False)) == {FindingKind.MISSING_BLOB: (1, 0)}


async def test_one_corpus_alone_leaves_raw_files_out(world: World) -> None:
    world.lose_blobs()

    assert await world.reconciler()(SYSTEM, corpus="handbook", dry_run=False) == []


async def test_another_tenant_has_no_findings_here(world: World) -> None:
    await lose_points(world)

    assert await world.reconciler()(STRANGER, dry_run=False) == []


@pytest.mark.parametrize("scope", [READER, replace(READER, permissions=frozenset({Permission.PUBLISH})), ELSEWHERE])
async def test_who_does_not_administer_the_tenant_cannot_reconcile(world: World, scope) -> None:
    with pytest.raises(NotFound):
        await world.reconciler()(scope, dry_run=True)


async def test_a_run_cut_short_is_finished_by_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await lose_points(world)
    await leave_an_orphan(world)
    with monkeypatch.context() as broken:
        broken.setattr(world.index, "write", _crash)
        with pytest.raises(RuntimeError, match="crash"):
            await world.reconciler()(SYSTEM, dry_run=False)

    await world.reconciler()(SYSTEM, dry_run=False)

    assert await world.reconciler()(SYSTEM, dry_run=True) == []


async def _crash(*_: object) -> None:
    raise RuntimeError("crash")


class _RefusesOne(MemoryIndex):
    """Cannot list the points of one corpus."""

    def states(
        self, fingerprint: Fingerprint, *, corpus_id: CorpusId, born_after: int = -1
    ) -> AsyncIterator[Sequence[PointState]]:
        if corpus_id == CORPUS and born_after < 0:
            raise IndexUnavailable("down")
        return super().states(fingerprint, corpus_id=corpus_id, born_after=born_after)


async def refuse_one(world: World) -> None:
    world.index = _RefusesOne()
    await world.index.write(FINGERPRINT, [await a_point("b", corpus="gone")])


async def test_a_corpus_that_cannot_be_mended_is_told_and_all_else_is_looked_at(world: World) -> None:
    await refuse_one(world)
    world.lose_blobs()

    assert counts(await world.reconciler().everything()) == {
        FindingKind.UNCHECKED_CORPUS: (1, 0),
        FindingKind.UNKNOWN_CORPUS: (1, 1),
        FindingKind.MISSING_BLOB: (1, 0),
    }


async def test_a_corpus_that_cannot_be_mended_holds_up_no_seal(world: World) -> None:
    await refuse_one(world)

    assert counts(await world.reconciler().before_sealing()) == {FindingKind.UNCHECKED_CORPUS: (1, 0)}


async def test_raw_files_that_cannot_be_listed_are_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise BlobsUnavailable("down")

    monkeypatch.setattr(world.blobs, "hashes", down)

    assert counts(await world.reconciler()(SYSTEM, dry_run=False)) == {FindingKind.UNCHECKED_FILES: (1, 0)}


async def test_a_point_too_many_does_not_make_up_for_one_that_is_missing(world: World) -> None:
    await world.index.purge(FINGERPRINT, [pid("c")])
    await world.index.write(FINGERPRINT, [await a_point("b", born=3)])

    assert counts(await world.reconciler().before_sealing()) == {
        FindingKind.MISSING_POINT: (1, 1),
        FindingKind.ORPHAN_POINT: (1, 1),
    }


class _Asked(MemoryIndex):
    def __init__(self) -> None:
        super().__init__()
        self.counted = 0

    async def corpora(self, fingerprint: Fingerprint) -> dict[CorpusId, int]:
        self.counted += 1
        return await super().corpora(fingerprint)


async def test_before_a_seal_the_points_of_a_build_are_counted_once(world: World) -> None:
    async with world.catalog.writing() as tx:
        for number in range(3):
            await tx.corpora.add(SYSTEM, corpus(f"c{number}"))
            await tx.builds.add(SYSTEM, build(corpus_id=CorpusId(f"vs_c{number}")))
    world.index = index = _Asked()

    await world.reconciler().before_sealing()

    assert index.counted == 1
