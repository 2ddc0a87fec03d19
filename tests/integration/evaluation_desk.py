"""A content team's desk with an evaluation worker beside it, all in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from eval.bootstrap import EvaluationWorker, evaluation_worker_over
from eval.datasets.golden import cases_of
from eval.lanes import LANES
from eval.run_suites import RunSuites
from rag_service.bootstrap import Container
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import Draft, SealPurpose
from rag_service.domain.evaluations import EvalRun
from rag_service.domain.gates import Gate
from rag_service.domain.jobs import Job, JobKind
from rag_service.use_cases.seal_plan import StillHeld
from tests.integration.desk import Desk


class Clock:
    """The real time, later by what has passed."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.passed = timedelta(0)

    def __call__(self) -> datetime:
        return self._real() + self.passed


@dataclass(frozen=True, kw_only=True)
class EvaluationDesk:
    """The desk, its evaluation worker, and the clock of that one."""

    desk: Desk
    measuring: EvaluationWorker
    clock: Clock

    @property
    def parts(self) -> Container:
        """The parts of the service."""
        return self.desk.worker.container

    async def publish(self, draft: Draft) -> None:
        """Ask for a publish, as a person does, and let the ingestion worker do what it can."""
        await self.parts.drafts.ask_for_seal(
            self.desk.admin, corpus=self.desk.corpus, draft=draft.id, purpose=SealPurpose.PUBLISH
        )
        await self.desk.work_off()

    async def measure(self) -> int:
        """Let the evaluation worker do what is due, then the other; return how many jobs the first one ran."""
        ran = 0
        while taken := sum([await self.measuring.runner.run_next(lane) for lane in LANES]):
            ran += taken
        await self.desk.work_off()
        return ran

    async def attempt(self) -> int:
        """Let the evaluation worker take one job, after every pause between two attempts."""
        self.clock.passed += timedelta(minutes=6)
        return sum([await self.measuring.runner.run_next(lane) for lane in LANES])

    async def job(self, subject: str, kind: JobKind = JobKind.EVALUATE_DRAFT) -> Job:
        """Return the newest job of a kind about a subject."""
        async with self.parts.catalog.reading() as tx:
            jobs = await tx.jobs.of_subject(self.desk.admin, subject)
        return next(job for job in jobs if job.kind is kind)

    async def gate(self, draft: Draft) -> Gate | None:
        """Return the newest verdict about a draft."""
        async with self.parts.catalog.reading() as tx:
            return await tx.gates.of_draft(self.desk.admin, draft.id)


def beside(desk: Desk, **parts: Any) -> EvaluationDesk:
    """Return the desk with an evaluation worker over its parts, or over others where given."""
    container = replace(desk.worker.container, **parts)

    @asynccontextmanager
    async def lend() -> AsyncIterator[Container]:
        yield container

    clock = Clock(container.clock)
    measuring = evaluation_worker_over(desk.worker.container.catalog, lend, container.settings, clock=clock)
    return EvaluationDesk(desk=desk, measuring=measuring, clock=clock)


def without_ragas(place: EvaluationDesk) -> EvaluationDesk:
    """Let runs of suites take the scores that need no process of their own, which takes seconds to start."""

    async def run_suite(scope: AccessScope, run: EvalRun, questions: Any, *, still_held: StillHeld) -> EvalRun:
        run_suites = RunSuites(container=place.parts, judge=None, parallel=2)
        return await run_suites(scope, run, cases_of(questions), still_held=still_held, with_ragas=False)

    place.measuring.runner._handlers[JobKind.RUN_SUITE]._run_suite = run_suite  # type: ignore[attr-defined]
    return place
