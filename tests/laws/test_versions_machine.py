"""Whatever people do, in whatever order and wherever it is cut short, every version stays what it was.

RAG_TEST_MACHINE_EXAMPLES sets how many histories are tried over SQLite; twice as many steps are taken in each of a long
run, and a part as many histories over what is slower.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.laws.build_steps import BuildSteps
from tests.laws.damage_steps import DamageSteps
from tests.laws.draft_steps import DraftSteps
from tests.laws.erasure_steps import ErasureSteps
from tests.laws.job_steps import JobSteps
from tests.laws.place import Place, opened
from tests.laws.retention_steps import RetentionSteps
from tests.postgres import PostgresDatabases

EXAMPLES = int(os.environ.get("RAG_TEST_MACHINE_EXAMPLES", "0"))
STEPS = 30 if EXAMPLES else 15
# To find the shortest history that fails takes minutes.
PHASES = tuple(Phase) if EXAMPLES else (Phase.generate,)

pytestmark = pytest.mark.timeout(1800)


class Histories(DraftSteps, RetentionSteps, DamageSteps, JobSteps, BuildSteps, ErasureSteps):
    """Everything that happens to a corpus, each step until nothing is left to do."""


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated: Path) -> str:
    shutil.copy(migrated, tmp_path / "catalog.db")
    return f"sqlite+aiosqlite:///{tmp_path}/catalog.db"


def test_histories_over_sqlite_and_the_memory_index(sqlite_url: str) -> None:
    with opened(sqlite_url) as place:
        try_histories(place, EXAMPLES or 5)


def test_histories_over_postgres_and_the_memory_index(migrated_postgres: PostgresDatabases) -> None:
    with opened(migrated_postgres.url()) as place:
        try_histories(place, EXAMPLES // 2 or 2)
    migrated_postgres.forget()


def test_histories_over_sqlite_and_the_engine(sqlite_url: str) -> None:
    with opened(sqlite_url, has_engine=True) as place:
        try_histories(place, EXAMPLES // 2 or 2)


def try_histories(place: Place, examples: int) -> None:
    how = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        phases=PHASES,
        # A step runs jobs.
        suppress_health_check=list(HealthCheck),
    )
    factory: Any = lambda: Histories(place)  # noqa: E731
    run_state_machine_as_test(factory, settings=how)
