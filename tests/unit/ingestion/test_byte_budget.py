"""Room for large files on one machine, in a budget of 16 bytes: a slot per byte."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from ingestion.byte_budget import ByteBudget
from tests.patience import PATIENCE_S

KEEPER = """
import asyncio, sys
from pathlib import Path
from ingestion.byte_budget import ByteBudget
async def keep():
    async with ByteBudget(Path(sys.argv[1]), limit_bytes=16).taken(10):
        print("kept", flush=True)
        await asyncio.sleep(600)
asyncio.run(keep())
"""


@pytest.fixture
def budget(tmp_path: Path) -> ByteBudget:
    return ByteBudget(tmp_path, limit_bytes=16)


async def test_files_share_what_there_is(budget: ByteBudget) -> None:
    async with budget.taken(10):
        assert [budget.has_room(size) for size in (6, 7)] == [True, False]
        async with budget.taken(6):
            assert not budget.has_room(1)

    assert budget.has_room(16)


async def test_a_file_larger_than_the_budget_is_read_alone(budget: ByteBudget) -> None:
    async with budget.taken(1):
        assert not budget.has_room(1000)

    async with budget.taken(1000):
        assert not budget.has_room(1)


async def test_who_finds_no_room_waits_for_it(budget: ByteBudget, monkeypatch: pytest.MonkeyPatch) -> None:
    take, has_looked = budget._take, asyncio.Event()

    def looking(size_bytes: int) -> list[int]:
        has_looked.set()
        return take(size_bytes)

    async with budget.taken(10):
        monkeypatch.setattr(budget, "_take", looking)
        waiting = asyncio.create_task(budget.taken(10).__aenter__())
        await has_looked.wait()
        assert not waiting.done()

    await asyncio.wait_for(waiting, PATIENCE_S)


def test_what_a_killed_process_had_is_free_at_once(budget: ByteBudget, tmp_path: Path) -> None:
    keeper = subprocess.Popen([sys.executable, "-c", KEEPER, str(tmp_path)], stdout=subprocess.PIPE)  # noqa: S603
    assert keeper.stdout is not None and keeper.stdout.readline() == b"kept\n"
    before = budget.has_room(10)
    keeper.kill()
    keeper.communicate()

    assert (before, budget.has_room(10)) == (False, True)
