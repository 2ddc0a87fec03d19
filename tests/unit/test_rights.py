"""Changed rights reach the points of every revision."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rag_service.catalog.sql_catalog import open_catalog
from rag_service.domain.access import Permission
from rag_service.domain.ids import Fingerprint, PointId
from rag_service.errors import IndexUnavailable, NotFound
from rag_service.retrieval.memory import MemoryIndex
from rag_service.use_cases.rights import GrantDocument, SpreadRights
from tests.contract.catalog_values import READER, SYSTEM, document
from tests.unit.reconcilable import World, pid, two_versions

BOARD = frozenset({"board"})


@pytest.fixture
async def world(migrated: Path, tmp_path: Path) -> AsyncIterator[World]:
    path = shutil.copy(migrated, tmp_path / "catalog.db")
    async with open_catalog(f"sqlite+aiosqlite:///{path}") as catalog:
        yield await two_versions(catalog, MemoryIndex(), tmp_path / "blobs")


def grant_document(world: World) -> GrantDocument:
    spread = SpreadRights(catalog=world.catalog, index=world.index)
    return GrantDocument(catalog=world.catalog, spread=spread)


async def test_other_rights_reach_the_points_of_every_revision(world: World) -> None:
    granted = await grant_document(world)(SYSTEM, document("a").id, BOARD)

    assert granted.principals == BOARD
    assert {state.id for state in await world.states() if state.principals == BOARD} == {pid("a"), pid("a", 2, 2)}
    assert await world.reconciler()(SYSTEM, dry_run=True) == []


async def test_who_grants_a_document_away_still_has_its_points_changed(world: World) -> None:
    uploader = replace(READER, permissions=frozenset({Permission.UPLOAD}))

    await grant_document(world)(uploader, document("a").id, BOARD)

    assert await world.reconciler()(SYSTEM, dry_run=True) == []


async def test_who_may_not_upload_cannot_grant(world: World) -> None:
    with pytest.raises(NotFound):
        await grant_document(world)(READER, document("a").id, BOARD)


class _Hangs(MemoryIndex):
    async def grant(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, principals: frozenset[str]) -> None:
        await asyncio.Event().wait()


async def test_an_index_that_hangs_does_not_hold_up_the_catalog(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag_service.use_cases.longest_hold._LONGEST_HOLD_S", 0.01)
    world.index = _Hangs()

    with pytest.raises(IndexUnavailable):
        await grant_document(world)(SYSTEM, document("a").id, BOARD)

    async with world.catalog.writing() as tx:
        assert (await tx.documents.get(SYSTEM, document("a").id)).principals == BOARD
