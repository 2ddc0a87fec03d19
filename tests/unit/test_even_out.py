"""What one engine has too many is removed from it, while it may be."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag_service.catalog.sql_catalog import open_catalog
from rag_service.domain.ids import Fingerprint
from rag_service.errors import Conflict
from rag_service.retrieval.memory import MemoryIndex
from rag_service.use_cases.indexes.copy_points import CopyPoints
from rag_service.use_cases.indexes.even_out import EvenOut
from rag_service.use_cases.indexes.telling import untold
from tests.contract.index_points import points

BUILD = Fingerprint("b" * 32)


async def serves_by_now() -> None:
    raise Conflict("It serves by now.")


@pytest.fixture
async def even_out(migrated_dir: Path) -> AsyncIterator[EvenOut]:
    """What is refused before it removes anything."""
    async with open_catalog(f"sqlite+aiosqlite:///{migrated_dir}/catalog.db") as catalog:
        yield EvenOut(copy=CopyPoints(catalog=catalog), still=serves_by_now, pause_s=0)


async def test_no_build_is_dropped_from_an_engine_that_serves_by_now(even_out: EvenOut) -> None:
    source, target = MemoryIndex(), MemoryIndex()
    await target.write(BUILD, points("a", 3))

    with pytest.raises(Conflict):
        await even_out(source, target, on_step=untold)

    assert await target.builds() == {BUILD: 3}


async def test_no_point_is_purged_from_an_engine_that_serves_by_now(even_out: EvenOut) -> None:
    source, target = MemoryIndex(), MemoryIndex()
    await source.write(BUILD, points("a", 2))
    await target.write(BUILD, points("a", 3))

    with pytest.raises(Conflict):
        await even_out(source, target, on_step=untold)

    assert await target.builds() == {BUILD: 3}
