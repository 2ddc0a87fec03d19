"""Files of the index are cut off. The host opens at what it has or refuses; the reconciler mends; no answer is wrong."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rag_service.catalog.sql_catalog import open_catalog
from rag_service.domain.findings import FindingKind
from rag_service.errors import IndexUnavailable
from rag_service.retrieval.index_client import IndexClient
from tests.contract.catalog_values import FINGERPRINT
from tests.index_hosts import RunningHost, running_host
from tests.patience import PATIENCE_S
from tests.unit.reconcilable import World, a_point, counts, pid, two_versions


@pytest.fixture
def host() -> Iterator[RunningHost]:
    with running_host() as started:
        yield started


@pytest.fixture
async def world(host: RunningHost, migrated: Path, tmp_path: Path) -> AsyncIterator[World]:
    path = shutil.copy(migrated, tmp_path / "catalog.db")
    client = IndexClient(host.socket, PATIENCE_S)
    async with open_catalog(f"sqlite+aiosqlite:///{path}") as catalog:
        yield await two_versions(catalog, client, tmp_path / "blobs")
    await client.aclose()


def cut_off(host: RunningHost, pattern: str, *, share: float) -> None:
    """Kill the host and shorten a file of its index."""
    host.kill()
    for file in (host.data_dir / "index").rglob(pattern):
        os.truncate(file, int(file.stat().st_size * share))
    host.start_again()


async def test_the_points_behind_the_host_are_mended(world: World) -> None:
    before = await world.states()
    await world.index.purge(FINGERPRINT, [pid("a"), pid("c")])
    await world.index.write(FINGERPRINT, [await a_point("b", born=2), await a_point("c", born=7, corpus="gone")])
    await world.index.revive(FINGERPRINT, [pid("b")])
    await world.index.grant(FINGERPRINT, [pid("a", 2, 2)], principals=frozenset({"board"}))

    found = counts(await world.reconciler().everything())

    assert found == {
        FindingKind.MISSING_POINT: (2, 2),
        FindingKind.ORPHAN_POINT: (1, 1),
        FindingKind.WRONG_INTERVAL: (1, 1),
        FindingKind.WRONG_PRINCIPALS: (1, 1),
        FindingKind.UNKNOWN_CORPUS: (1, 1),
    }
    assert await world.states() == before
    assert await world.reconciler().everything() == []


@pytest.mark.parametrize("share", [0, 0.5])
async def test_points_that_a_damaged_file_lost_are_written_again(host, world: World, share: float) -> None:
    before = await world.states()
    # The engine's log holds the last operation only: what came before is in the file alone.
    await world.index.retire(FINGERPRINT, [pid("a")], at=2)

    cut_off(host, "mutable_id_tracker.mappings", share=share)

    assert len(await world.states()) < len(before)
    assert set(counts(await world.reconciler().before_sealing())) == {FindingKind.MISSING_POINT}
    assert await world.states() == before


@pytest.mark.parametrize("pattern", ["status.dat", "segment.json", "open-1"])
async def test_a_build_that_cannot_be_read_is_refused_and_told(host, world: World, pattern: str) -> None:
    cut_off(host, pattern, share=0)

    assert await world.index.builds() == {FINGERPRINT: None}
    with pytest.raises(IndexUnavailable):
        await world.states()
    assert counts(await world.reconciler().before_sealing()) == {FindingKind.UNREADABLE_BUILD: (1, 0)}
