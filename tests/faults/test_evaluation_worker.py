"""The real evaluation worker process is killed and stopped in the middle of a run; another one goes on with it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rag_service.domain.evaluations import CaseResult, EvalRun, EvalRunState
from rag_service.domain.ids import EvalRunId
from rag_service.domain.jobs import Job, JobState
from tests.integration.desk import Desk
from tests.integration.edge_desk import edge_desk
from tests.integration.evaluating import HOUSE, add_questions, unanswerable
from tests.patience import PATIENCE_S, until

QUESTIONS = 250
PARTS = {"RAG_EMBEDDING__BACKEND": "hashing", "RAG_LOG__LEVEL": "error"}
# One question after the other, so that a worker can be met in the middle of them; a dead one is noticed soon.
PACE = {"RAG_EVALUATION__PARALLEL": "1", "RAG_EVALUATION__POLL_S": "0.05", "RAG_JOBS__LEASE_S": "1"}


@dataclass(frozen=True)
class Place:
    """A corpus with questions that no document answers, so that no score of RAGAS is due, and a run of them."""

    desk: Desk
    run_id: EvalRunId

    async def run(self) -> EvalRun:
        return await self.desk.worker.container.evaluations.get(self.desk.admin, self.run_id)

    async def results(self) -> dict[str, CaseResult]:
        found = await self.desk.worker.container.evaluations.results(self.desk.admin, self.run_id)
        return {result.case_id: result for result in found}

    async def job(self) -> Job:
        async with self.desk.worker.container.catalog.reading() as tx:
            (job,) = await tx.jobs.of_subject(self.desk.admin, self.run_id)
        return job

    async def is_in_the_middle(self) -> bool:
        run = await self.run()
        assert run.state in {EvalRunState.QUEUED, EvalRunState.RUNNING}, "the run was over too soon"
        return 0 < run.done < run.total

    async def is_over(self) -> bool:
        return (await self.job()).state is JobState.SUCCEEDED

    @contextmanager
    def worker(self, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
        folder = str(self.desk.worker.container.settings.data_dir)
        environ = {**os.environ, "RAG_DATA_DIR": folder, **PARTS, **PACE, **settings}
        process = subprocess.Popen([sys.executable, "-m", "eval.worker"], env=environ)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture
async def place(migrated: Path) -> AsyncIterator[Place]:
    async with edge_desk(migrated) as desk:
        await desk.publish(HOUSE)
        asked = [unanswerable(f"How many penguins live on island {number}?") for number in range(QUESTIONS)]
        await add_questions(desk, [one | {"id": f"penguins_{number}"} for number, one in enumerate(asked)])
        run, _ = await desk.worker.container.start_evaluation.start(desk.admin, corpus=desk.corpus)
        yield Place(desk, run.id)


def timings(results: dict[str, CaseResult]) -> dict[str, Any]:
    """Return how long each question took: asked again, it would take another time."""
    return {case_id: result.evidence["timings_ms"] for case_id, result in results.items()}


async def test_what_a_killed_worker_had_measured_is_not_asked_again(place: Place) -> None:
    with place.worker() as process:
        await until(place.is_in_the_middle, "the run did not begin")
        process.kill()
        process.wait()
    kept = timings(await place.results())

    with place.worker():
        await until(place.is_over, "nobody went on with the run")

    after = timings(await place.results())
    assert 0 < len(kept) < len(after) == QUESTIONS
    assert {case_id: after[case_id] for case_id in kept} == kept
    assert (await place.run()).state is EvalRunState.FINISHED


async def test_a_worker_that_is_asked_to_stop_gives_its_run_back(place: Place) -> None:
    with place.worker(RAG_JOBS__LEASE_S="600") as process:
        await until(place.is_in_the_middle, "the run did not begin")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0

    job = await place.job()
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)
    async with place.desk.worker.container.catalog.reading() as tx:
        assert await tx.workers.list(since=job.created_at) == []


async def test_a_worker_whose_catalog_cannot_be_opened_ends_and_harms_nothing(place: Place) -> None:
    with place.worker(RAG_CATALOG__URL="postgresql+asyncpg://nobody@127.0.0.1:1/none") as process:
        assert await asyncio.to_thread(process.wait, PATIENCE_S) != 0

    assert (await place.run()).state is EvalRunState.QUEUED
