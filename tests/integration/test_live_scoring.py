"""The evaluation worker scores what people were told, and compares days: cut short, with parts away, and erased meanwhile."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from eval.live.round import ScoreLiveAnswers
from eval.metrics.scores import missing
from ingestion.bootstrap import Worker
from rag_service.bootstrap import Container
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.answers import Message, Question
from rag_service.domain.ids import CorpusId
from rag_service.domain.live import QUESTIONS, SUPPORT, Drift, LiveScore
from rag_service.domain.metric_names import FAITHFULNESS, LATENCY, RAGAS_OVER, RELEVANCE, TOKENS
from rag_service.errors import DependencyUnavailable, EmbedderUnavailable
from tests.integration.desk import Desk
from tests.integration.evaluating import HOUSE, UNANSWERABLE
from tests.integration.evaluating import QUESTIONS as GOLDEN
from tests.integration.evaluation_desk import EvaluationDesk, beside
from tests.live_values import DAY, answers_of_a_day

JUDGED = "ragas: faithfulness"
HOUR = timedelta(hours=1)


class Counting:
    """An embedder that is away after so many questions."""

    def __init__(self, real: Any, *, good: int = 10**6) -> None:
        self.real = real
        self.good = good

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def embed_query(self, text: str) -> Any:
        # Each answer takes two: what was asked, and its relevance.
        if self.good <= 0:
            raise EmbedderUnavailable("the model is away")
        self.good -= 1
        return await self.real.embed_query(text)


class Judgeless:
    """RAGAS whose judge is dead."""

    async def scores(self, _: Any) -> dict[str, Any]:
        return {"faithfulness": missing(RAGAS_OVER)}

    async def aclose(self) -> None:
        pass


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    desk = Desk(worker=worker, admin=admin, corpus="house")
    await worker.container.create_corpus(admin, name="house")
    await desk.publish(HOUSE)
    for text in (*(asked for asked, _ in GOLDEN.values()), UNANSWERABLE):
        question = Question(corpus="house", messages=(Message(role="user", content=text),))
        async for _ in worker.container.ask_question(admin, question):
            pass
    return desk


def configured(desk: Desk, **settings: Any) -> Container:
    parts = desk.worker.container
    evaluation = parts.settings.evaluation.model_copy(update=settings)
    return replace(parts, settings=parts.settings.model_copy(update={"evaluation": evaluation}))


def place_at(desk: Desk, **settings: Any) -> EvaluationDesk:
    return beside(replace(desk, worker=replace(desk.worker, container=configured(desk, **settings))))


async def corpus_id(place: EvaluationDesk) -> CorpusId:
    async with place.parts.catalog.reading() as tx:
        return (await tx.corpora.get(place.desk.admin, "house")).id


async def kept(place: EvaluationDesk) -> Sequence[LiveScore]:
    async with place.parts.catalog.reading() as tx:
        since = place.parts.clock() - 20 * DAY
        return await tx.live.scores(system_scope(place.desk.admin.tenant_id), await corpus_id(place), since=since)


async def windows(place: EvaluationDesk) -> Sequence[Drift]:
    async with place.parts.catalog.reading() as tx:
        since = place.parts.clock() - 20 * DAY
        return await tx.live.drifts(system_scope(place.desk.admin.tenant_id), await corpus_id(place), since=since)


async def test_answers_are_scored_once_and_without_a_right_answer(desk: Desk) -> None:
    place = beside(desk)

    assert await place.measuring.score_live_answers() == 5
    assert await place.measuring.score_live_answers() == 0

    found = {one.status.value: one for one in await kept(place)}
    answered, refused = found["answered"], found["abstained"]
    assert answered.values[FAITHFULNESS] == 1.0 and answered.values[SUPPORT] == 1.0
    assert answered.values[LATENCY] is not None and answered.values[RELEVANCE] is not None
    assert refused.values[FAITHFULNESS] is None and refused.missing[FAITHFULNESS] == "the service abstained"
    assert (answered.rate, answered.judge, answered.values.get(JUDGED)) == (1.0, None, None)


async def test_nothing_is_scored_when_the_rate_is_zero(desk: Desk) -> None:
    place = place_at(desk, live_rate=0.0)

    assert await place.measuring.score_live_answers() == 0
    assert await kept(place) == []


async def test_a_round_that_was_cut_short_goes_on_where_it_ended(desk: Desk) -> None:
    embedder = Counting(desk.worker.container.embedder, good=4)
    place = beside(desk, embedder=embedder)

    with pytest.raises(EmbedderUnavailable):
        await place.measuring.score_live_answers()
    before = await kept(place)
    assert len(before) == 2

    embedder.good = 10**6
    assert await place.measuring.score_live_answers() == 3
    assert [one for one in await kept(place) if one in before] == before


async def test_what_a_part_that_is_away_kept_from_being_measured_is_measured_later(desk: Desk) -> None:
    embedder = Counting(desk.worker.container.embedder, good=1)  # the vector of a question, and no relevance
    place = beside(desk, embedder=embedder)

    with pytest.raises(DependencyUnavailable):
        await place.measuring.score_live_answers()
    assert [one.missing for one in await kept(place) if one.status.value == "answered"] == []

    embedder.good = 10**6
    await place.measuring.score_live_answers()
    found = [one for one in await kept(place) if one.status.value == "answered"]
    assert found and all(one.values[RELEVANCE] is not None for one in found)


class Choosy:
    """An embedder that is always away for some questions, or breaks over them."""

    def __init__(self, real: Any, *, dislikes: Sequence[str], error: type[Exception] = EmbedderUnavailable) -> None:
        self.real = real
        self.dislikes = dislikes
        self.error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def embed_query(self, text: str) -> Any:
        if text in self.dislikes:
            raise self.error("not this one")
        return await self.real.embed_query(text)


ASKED = [asked for asked, _ in GOLDEN.values()]


async def test_an_answer_that_breaks_the_scoring_keeps_no_other_back(desk: Desk) -> None:
    place = beside(desk, embedder=Choosy(desk.worker.container.embedder, dislikes=ASKED[:1], error=ValueError))
    place.clock.passed = DAY + HOUR

    assert await place.measuring.score_live_answers() == 4
    assert len(await kept(place)) == 4 and await windows(place)


async def test_answers_that_never_can_be_scored_keep_the_others_back_for_one_round(desk: Desk) -> None:
    place = beside(desk, embedder=Choosy(desk.worker.container.embedder, dislikes=ASKED[:3]))
    place.clock.passed = DAY + HOUR

    with pytest.raises(EmbedderUnavailable):
        await place.measuring.score_live_answers()
    assert await kept(place) == []

    with pytest.raises(EmbedderUnavailable):
        await place.measuring.score_live_answers()
    assert len(await kept(place)) == 2


async def test_days_are_compared_though_an_answer_cannot_be_scored(desk: Desk) -> None:
    place = beside(desk, embedder=Choosy(desk.worker.container.embedder, dislikes=ASKED[:1]))
    place.clock.passed = DAY + HOUR

    with pytest.raises(EmbedderUnavailable):
        await place.measuring.score_live_answers()

    assert {one.current_count for one in await windows(place) if one.measure == QUESTIONS} == {4}


async def test_a_dead_judge_leaves_the_other_scores_when_the_day_is_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.judging.open_ragas", lambda *_: Judgeless())
    place = place_at(desk, live_judge=True, judge_url="http://127.0.0.1:9/v1", judge_model="judge")

    with pytest.raises(DependencyUnavailable):
        await place.measuring.score_live_answers()
    assert [one for one in await kept(place) if one.status.value == "answered"] == []

    place.clock.passed = DAY + HOUR
    await place.measuring.score_live_answers()
    answered = [one for one in await kept(place) if one.status.value == "answered"]
    assert {one.missing[JUDGED] for one in answered} == {RAGAS_OVER}
    assert {one.values[FAITHFULNESS] for one in answered} == {1.0}
    assert all((one.judge or "").startswith("judge at 127.0.0.1:9") for one in answered)


async def test_a_judge_is_not_asked_unless_a_setting_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.judging.open_ragas", lambda *_: pytest.fail("it was asked"))
    place = place_at(desk, judge_url="http://127.0.0.1:9/v1", judge_model="judge")

    assert await place.measuring.score_live_answers() == 5


async def test_an_answer_that_is_erased_meanwhile_is_passed_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    place, drawn = beside(desk), ScoreLiveAnswers._drawn

    async def and_erased(self: ScoreLiveAnswers, *, since: datetime) -> Any:
        found = await drawn(self, since=since)
        candidate = replace(found[0].candidate, answer_id="answer_gone")
        return [replace(found[0], candidate=candidate), *found]

    monkeypatch.setattr(ScoreLiveAnswers, "_drawn", and_erased)

    assert await place.measuring.score_live_answers() == 5


async def plant(place: EvaluationDesk, *, days: int, count: int, **changes: float) -> None:
    """Let people have asked on each of the days before yesterday, and yesterday something else."""
    rng = np.random.default_rng(3)
    midnight = (place.clock() - HOUR).replace(hour=0, minute=0, second=0, microsecond=0)
    scope, corpus = system_scope(place.desk.admin.tenant_id), await corpus_id(place)
    async with place.parts.catalog.reading() as tx:
        candidates = await tx.live.candidates(since=midnight - 2 * DAY)
        shown = await tx.answers.get(scope, candidates[0].answer_id)
    async with place.parts.catalog.writing() as tx:
        for day in range(days, 0, -1):
            asked_at = midnight - day * DAY + timedelta(hours=3)
            for number, one in enumerate(answers_of_a_day(rng, count, changes=changes if day == 1 else None)):
                name = f"answer_{day}_{number}"
                answer = replace(shown, id=name, created_at=asked_at, status=one.status, passages=(), citations=())
                await tx.answers.add(scope, answer)
                planted = {"answer_id": name, "tenant_id": scope.tenant_id, "corpus_id": corpus, "asked_at": asked_at}
                await tx.live.add(replace(one, **planted))


async def test_a_day_that_is_over_is_compared_once_and_says_what_drifted(desk: Desk) -> None:
    place = beside(desk)
    place.clock.passed = DAY + HOUR  # today is over, and so is the hour for late answers
    await plant(place, days=4, count=90, support=-0.3)

    await place.measuring.score_live_answers()
    found = await windows(place)
    await place.measuring.score_live_answers()

    assert [one.measure for one in found if one.has_drifted] == [SUPPORT]
    drifted = next(one for one in found if one.has_drifted)
    assert drifted.window_end - drifted.window_start == DAY
    assert drifted.current is not None and drifted.reference is not None and drifted.current < drifted.reference - 0.2
    assert await windows(place) == found


async def test_a_day_with_few_answers_says_that_it_could_not_be_compared(desk: Desk) -> None:
    place = beside(desk)
    place.clock.passed = DAY + HOUR

    await place.measuring.score_live_answers()

    found = {one.measure: one for one in await windows(place)}
    assert (found[QUESTIONS].current_count, found[QUESTIONS].psi, found[TOKENS].has_drifted) == (5, None, False)
