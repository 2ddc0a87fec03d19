"""Worker, index host, API, beat and broker are killed at any moment, and nothing is lost, nothing is double, all parts agree.

RAG_TEST_KILLS sets how often in the slow test; RAG_TEST_KILL_SEED repeats a run: the seed is in the output of one
that fails.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.kill_loop.loop import survive
from tests.faults.kill_loop.victims import PROGRAMS

# Under Celery each kill takes three times as long: there is a broker to be missed, and beat.
KILLS = {name: int(os.environ.get("RAG_TEST_KILLS", usual)) for name, usual in (("polled", 200), ("celery", 60))}
FEW = 12


@pytest.fixture
def seed() -> int:
    drawn = int(os.environ.get("RAG_TEST_KILL_SEED") or secrets.randbelow(2**32))
    print(f"RAG_TEST_KILL_SEED={drawn}")  # noqa: T201  (shown when the test fails)
    return drawn


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # A path short enough for a socket.
    folder = Path(tempfile.mkdtemp(prefix="rag-kill-"))
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.mark.parametrize("dispatcher", PROGRAMS)
def test_a_dozen_kills_lose_nothing_and_double_nothing(data_dir: Path, seed: int, dispatcher: str) -> None:
    survived = survive(data_dir, kills=FEW, seed=seed, dispatcher=dispatcher, longest_pause_s=1)

    assert survived.actions > 0
    assert survived.versions > 0


@pytest.mark.slow
@pytest.mark.timeout(120 + 40 * max(KILLS.values()))
@pytest.mark.parametrize("dispatcher", PROGRAMS)
def test_hundreds_of_kills_lose_nothing_and_double_nothing(data_dir: Path, seed: int, dispatcher: str) -> None:
    kills = KILLS[dispatcher]
    survived = survive(data_dir, kills=kills, seed=seed, dispatcher=dispatcher)

    assert survived.actions > kills
    assert survived.versions > kills / 10
