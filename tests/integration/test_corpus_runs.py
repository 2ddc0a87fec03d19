"""Runs that people start on this machine."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from eval.bootstrap import Evaluation
from eval.corpus_runs import CorpusRuns
from eval.datasets.golden import cases_of
from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import SealPurpose
from rag_service.domain.evaluations import GOLDEN_SUITE, EvalRun, EvalRunState
from rag_service.domain.pages import PageRequest
from tests.integration.desk import Desk
from tests.integration.evaluating import HOUSE, golden, open_house


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    return await open_house(Desk(worker=worker, admin=admin, corpus="house"))


class Stuck:
    """Never comes to an answer."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.begun = asyncio.Event()

    async def __call__(self, *args: Any, **options: Any) -> Any:
        self.begun.set()
        await asyncio.Event().wait()
        yield

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def measure(desk: Desk, corpus: str, **parts: Any) -> None:
    container = replace(desk.worker.container, **parts)
    runs = CorpusRuns(Evaluation(container=container, scope=desk.admin), judge=None, with_ragas=False, is_fresh=True)
    await runs(corpus, cases_of(await golden(desk)), suite=GOLDEN_SUITE, targets={}, tell=lambda words: None)


async def newest(desk: Desk) -> EvalRun:
    page = await desk.worker.container.evaluations.list(desk.admin, page=PageRequest(limit=1))
    return page.items[0]


async def test_a_run_that_is_cut_short_is_not_left_running(desk: Desk) -> None:
    stuck = Stuck(desk.worker.container.ask_question)
    task = asyncio.create_task(measure(desk, "house", ask_question=stuck))
    await stuck.begun.wait()
    assert (await newest(desk)).state is EvalRunState.RUNNING

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    run = await newest(desk)
    assert (run.state, run.error) == (EvalRunState.FAILED, "It was cut short.")


async def test_a_run_of_a_draft_says_of_which(desk: Desk) -> None:
    draft = await desk.hold(uploads={"canteen": HOUSE["canteen"] + "\n\nIt is free."})
    await desk.seal(draft, SealPurpose.PREVIEW)

    await measure(desk, "house@draft")

    run = await newest(desk)
    assert (run.state, run.number, run.draft_id) == (EvalRunState.FINISHED, 2, draft.id)
