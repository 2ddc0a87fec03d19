"""A corpus that is measured by itself, over a catalog of its own, and a clock that tests turn."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eval.schedule import Occasion, StartDueRuns
from rag_service.catalog.sql_catalog import SqlCatalog, open_catalog
from rag_service.domain.evaluations import EvalRun, EvalRunState
from rag_service.domain.golden import GoldenQuestion
from rag_service.domain.jobs import JobKind, Priority
from rag_service.domain.pages import PageRequest
from rag_service.queue.polled import PolledQueue
from rag_service.use_cases.evaluations import StartEvaluation
from tests.contract.catalog_values import CORPUS, OURS, SYSTEM, add_corpus, prepare, publish, seal, upload
from tests.evaluation_values import golden

BEGINNING = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = BEGINNING

    def __call__(self) -> datetime:
        return self.now

    def turn_to(self, day: int, hour: int, minute: int = 0) -> None:
        """Turn it to a moment of March."""
        self.now = datetime(2026, 3, day, hour, minute, tzinfo=UTC)

    def pass_by(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The corpus, and who starts its runs."""

    catalog: SqlCatalog
    clock: Clock

    def starting(self, *occasions: Occasion) -> StartDueRuns:
        """Return what starts runs on these occasions, as each of several workers has it."""
        start = StartEvaluation(catalog=self.catalog, queue=PolledQueue(), clock=self.clock)
        return StartDueRuns(occasions, catalog=self.catalog, start=start, clock=self.clock)

    async def ask(self, *questions: GoldenQuestion) -> None:
        """Accept golden questions."""
        async with self.catalog.writing() as tx:
            await tx.golden.add(SYSTEM, questions)

    async def publish_again(self, number: int) -> None:
        """Publish another revision of the document through the automatic draft."""
        draft_id = await upload(self.catalog, "a", number)
        await prepare(self.catalog, "a", number)
        await seal(self.catalog, draft_id)

    async def runs(self) -> Sequence[EvalRun]:
        """Return the runs, oldest first."""
        async with self.catalog.reading() as tx:
            page = PageRequest(limit=100, order="asc")
            return (await tx.eval_runs.page(SYSTEM, corpus_id=CORPUS, suite=None, page=page)).items

    async def finish(self, run: EvalRun, **changes: object) -> None:
        """Let a run come to its end now."""
        ended = {"state": EvalRunState.FINISHED, "finished_at": self.clock()}
        async with self.catalog.writing() as tx:
            await tx.eval_runs.change(SYSTEM, replace(run, **ended | changes))  # type: ignore[arg-type]

    async def priorities(self) -> list[Priority]:
        """Return how urgent the jobs of the runs are."""
        async with self.catalog.reading() as tx:
            page = await tx.jobs.list(SYSTEM, PageRequest(limit=100), kind=JobKind.RUN_SUITE)
        return [job.priority for job in page.items]


@asynccontextmanager
async def watched_corpus(folder: Path) -> AsyncIterator[Watched]:
    """Open a catalog with a published corpus and one accepted question."""
    clock = Clock()
    async with open_catalog(f"sqlite+aiosqlite:///{folder}/catalog.db", clock=clock) as catalog:
        await add_corpus(catalog)
        await publish(catalog, "a")
        watched = Watched(catalog=catalog, clock=clock)
        await watched.ask(golden(corpus_id=CORPUS, tenant_id=OURS, created_at=BEGINNING))
        yield watched
