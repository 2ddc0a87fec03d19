"""A judge before a publish, over HTTP: a moody one holds nothing back, one that sees a worse draft does."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from eval.gate import evaluate_draft
from eval.judging import JudgeByRagas, open_judging
from eval.metrics.ragas import Judge
from eval.run_suites import RunSuites
from ingestion.bootstrap import Worker
from rag_service.bootstrap import Container
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.drafts import Draft, SealPurpose
from rag_service.domain.gates import Gate, RegressionKind, Verdict
from rag_service.domain.golden import GoldQuote
from tests.integration.desk import Desk, held
from tests.integration.evaluating import add_questions
from tests.judge_server import JudgeServer, judge_server
from tests.patience import PATIENCE_S

pytest.importorskip("instructor", reason="the extra 'eval' is not installed")

PLACES = ("library", "canteen", "gym", "pool", "archive", "workshop", "laboratory", "garden", "clinic", "theatre")
HOUSE = {
    place: f"# The {place}\n\nThe {place} of the house closes at {hour}:15." for hour, place in enumerate(PLACES, 10)
}
HEARSAY = "as somebody heard"
WORSE = {place: text.replace(" closes", f", {HEARSAY}, closes") for place, text in HOUSE.items()}


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    """A corpus with a golden question about each of its documents."""
    desk = Desk(worker=worker, admin=admin, corpus="house")
    await worker.container.create_corpus(admin, name=desk.corpus)
    await desk.publish(HOUSE)
    await add_questions(desk, [question(place, hour) for hour, place in enumerate(PLACES, 10)])
    return desk


@pytest.fixture
async def judging(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[JudgeServer]:
    """A judge on this machine. All runs share one process of RAGAS: it takes seconds to load."""
    with judge_server() as server:
        judge = judge_at(server)
        async with open_judging(desk.worker.container, judge) as opened:

            @asynccontextmanager
            async def lent(_container: Container, _judge: Judge | None) -> AsyncIterator[JudgeByRagas]:
                yield opened

            monkeypatch.setattr("eval.run_suites.open_judging", lent)
            yield server


async def test_a_moody_judge_holds_an_unchanged_draft_back_in_none_of_twenty_times(
    desk: Desk, judging: JudgeServer
) -> None:
    moods = random.Random(7)  # noqa: S311  (no secret)
    judging.verdict = lambda _prompt: moods.choice((0, 1, 1, None))
    draft = await sealed(desk, {"library": HOUSE["library"] + "\n"})

    gates = [await gate_of(desk, draft, replace(judge_at(judging), seed=100 * turn)) for turn in range(20)]

    assert [gate.verdict for gate in gates] == [Verdict.PASSED] * 20
    assert len(judging.asked) >= 20 * 2 * len(PLACES)


async def test_a_judge_that_sees_a_worse_draft_holds_it_back_and_names_the_questions(
    desk: Desk, judging: JudgeServer
) -> None:
    moods = random.Random(7)  # noqa: S311  (no secret)
    judging.verdict = lambda prompt: 0 if HEARSAY in prompt else int(moods.random() < 0.9)

    gate = await gate_of(desk, await sealed(desk, WORSE), judge_at(judging))

    assert gate.verdict is Verdict.BLOCKED
    assert {one.kind for one in gate.regressions} == {RegressionKind.JUDGED_WORSE}
    assert (gate.reason or "").startswith("The judge, asked 3 times, found the draft worse each time: ragas: judged")


async def test_a_judge_that_has_become_harsh_is_as_harsh_with_what_is_published(
    desk: Desk, judging: JudgeServer
) -> None:
    # It takes a worse draft for what is published to be judged with every seed.
    judging.verdict = lambda prompt: 0 if HEARSAY in prompt else 1
    first = await sealed(desk, WORSE)
    await gate_of(desk, first, judge_at(judging))
    await desk.unseal(first)

    judging.verdict = lambda _prompt: 0
    second = await sealed(desk, {"canteen": HOUSE["canteen"] + "\n"}, name="summer")
    gate = await gate_of(desk, second, judge_at(judging))

    assert gate.verdict is Verdict.PASSED


def judge_at(server: JudgeServer) -> Judge:
    return Judge(base_url=server.url, model="m", metrics=("judged context recall",), timeout_s=PATIENCE_S)


def question(place: str, hour: int) -> dict[str, object]:
    quote = GoldQuote(document_key=place, text=f"closes at {hour}:15")
    asked = f"When does the {place} of the house close?"
    return {"id": place, "text": asked, "answerable": True, "quotes": (quote,), "answers": (f"At {hour}:15.",)}


async def sealed(desk: Desk, uploads: dict[str, str], *, name: str = "spring") -> Draft:
    draft = await desk.hold(uploads=uploads, name=name)
    await desk.seal(draft, SealPurpose.PREVIEW)
    return await desk.draft(draft.id)


async def gate_of(desk: Desk, draft: Draft, judge: Judge) -> Gate:
    container = desk.worker.container
    run_suites = RunSuites(container=container, judge=judge, parallel=2)
    return await evaluate_draft(container, run_suites, system_scope(desk.admin.tenant_id), draft, still_held=held)
