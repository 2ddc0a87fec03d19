"""What an engine missed counts at once where it was noted, and soon everywhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog, open_catalog
from rag_service.domain.ids import Fingerprint
from rag_service.errors import CatalogUnavailable
from rag_service.retrieval.follower_misses import FollowerMisses

BUILD = Fingerprint("b" * 32)


class Clock:
    """Seconds that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def catalog(migrated_dir: Path) -> AsyncIterator[SqlCatalog]:
    async with open_catalog(f"sqlite+aiosqlite:///{migrated_dir}/catalog.db") as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def mend(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.index_routes.forget_missed(await tx.index_routes.missed())


async def test_another_process_knows_within_a_second(catalog: SqlCatalog, clock: Clock) -> None:
    mine, other = FollowerMisses(catalog, monotonic=clock), FollowerMisses(catalog, monotonic=clock)
    assert not await other.lacks("faiss", BUILD)
    mine.note("faiss", BUILD)
    await mine.aclose()

    assert not await other.lacks("faiss", BUILD)
    clock.now += 1

    assert await other.lacks("faiss", BUILD)
    assert not await other.lacks("edge", BUILD)


async def test_who_is_inside_of_a_transaction_of_the_catalog_can_note_one(catalog: SqlCatalog) -> None:
    misses = FollowerMisses(catalog)

    async with catalog.writing():
        misses.note("faiss", BUILD)
        assert await misses.lacks("faiss", BUILD)

    await misses.aclose()
    assert await FollowerMisses(catalog).lacks("faiss", BUILD)


async def test_what_was_mended_is_forgotten_within_a_second(catalog: SqlCatalog, clock: Clock) -> None:
    misses = FollowerMisses(catalog, monotonic=clock)
    misses.note("faiss", BUILD)
    await misses.aclose()
    await mend(catalog)

    clock.now += 2

    assert not await misses.lacks("faiss", BUILD)


class AwayCatalog:
    """Cannot be written to at first."""

    is_away = True

    def __init__(self, catalog: SqlCatalog) -> None:
        self._catalog = catalog
        self.reading = catalog.reading

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Any]:
        if self.is_away:
            raise CatalogUnavailable("It is away.")
        async with self._catalog.writing() as tx:
            yield tx


async def test_what_cannot_be_written_counts_here_and_is_written_later(
    catalog: SqlCatalog, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag_service.retrieval.follower_misses._AGAIN_S", 0.001)
    away: Any = AwayCatalog(catalog)
    misses = FollowerMisses(away, monotonic=clock)

    misses.note("faiss", BUILD)
    await asyncio.sleep(0.01)
    clock.now += 2
    assert await misses.lacks("faiss", BUILD)
    away.is_away = False
    await misses.aclose()

    assert await FollowerMisses(catalog).lacks("faiss", BUILD)
