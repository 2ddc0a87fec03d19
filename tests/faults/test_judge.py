"""A judge that answers nonsense, hangs or is broken: its scores are missing with a reason, never 0, and all ends in time."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

import pytest

from eval.metrics.ragas import Judge, Ragas, Sample
from eval.metrics.scores import Score
from rag_service.domain.metric_names import JUDGED
from tests.judge_server import JudgeServer, Mood, judge_server
from tests.patience import PATIENCE_S

pytest.importorskip("instructor", reason="the extra 'eval' is not installed")

ALL = ("string similarity", *JUDGED)
GIVEN_UP = "the judge was given up: it failed 5 times in a row"
SAMPLE = Sample(
    user_input="Where is it?",
    response="In Paris.",
    reference="In Paris.",
    retrieved_contexts=("It is in Paris.", "Snow is white and cold."),
    reference_contexts=(),
)


@dataclass(frozen=True)
class Seen:
    """What a process measured in each mood of its judge, and what the judge was sent."""

    scores: dict[Mood, dict[str, Score]]
    server: JudgeServer

    def reasons(self, mood: Mood) -> dict[str, str]:
        return {name: self.scores[mood][name].reason for name in JUDGED}


async def embed(texts: list[str]) -> list[list[float]]:
    return [[float(len(text)), 1.0] for text in texts]


async def measure(*moods: Mood, timeout_s: float = PATIENCE_S) -> Seen:
    scores = {}
    with judge_server() as server:
        judge = Judge(base_url=server.url, model="m", api_key="k", seed=7, timeout_s=timeout_s)
        async with aclosing(Ragas(embed=embed, judge=judge, names=ALL)) as ragas:
            for mood in moods:
                server.mood = mood
                scores[mood] = await ragas.scores(SAMPLE)
    return Seen(scores, server)


@pytest.fixture(scope="module")
def seen() -> tuple[Seen, Seen, Seen]:
    """Three processes, because a judge that hangs or breaks is given up; the library takes seconds to load."""

    async def failing() -> tuple[Seen, Seen]:
        return await measure(Mood.BROKEN), await measure(Mood.HANGING, timeout_s=1.0)

    async def all_three() -> tuple[Seen, Seen, Seen]:
        answering, (broken, hanging) = await asyncio.gather(measure(Mood.VALID, Mood.EMPTY, Mood.MALFORMED), failing())
        return answering, broken, hanging

    return asyncio.run(all_three())


def test_a_judge_that_answers_is_measured_by_every_metric(seen: tuple[Seen, Seen, Seen]) -> None:
    scores = seen[0].scores[Mood.VALID]

    assert {name: scores[name].value for name in JUDGED} == pytest.approx(
        {
            "faithfulness": 1.0,
            "answer relevancy": 0.0,  # this judge calls every answer noncommittal
            "judged context precision": 1.0,
            "judged context recall": 1.0,
            "context relevance": 0.5,
            "factual correctness": 1.0,
            "noise sensitivity": 0.0,
        }
    )


def test_the_judge_is_asked_at_temperature_zero_with_the_seed_and_its_own_key(seen: tuple[Seen, Seen, Seen]) -> None:
    asked = seen[0].server.asked

    assert {(body["model"], body["temperature"], body["seed"]) for body in asked} == {("m", 0.0, 7)}
    assert {body["headers"]["Authorization"] for body in asked} == {"Bearer k"}


def test_a_judge_that_lists_nothing_gives_no_score_where_a_list_is_the_score(seen: tuple[Seen, Seen, Seen]) -> None:
    reasons = seen[0].reasons(Mood.EMPTY)

    listed = ("faithfulness", "judged context recall", "factual correctness", "noise sensitivity")
    assert {reasons[name] for name in listed} == {"nothing was listed by the judge"}


def test_malformed_json_gives_no_score(seen: tuple[Seen, Seen, Seen]) -> None:
    assert set(seen[0].reasons(Mood.MALFORMED).values()) == {"no valid answer came from the judge"}


def test_a_judge_that_hangs_is_waited_for_and_then_given_up(seen: tuple[Seen, Seen, Seen]) -> None:
    assert set(seen[2].reasons(Mood.HANGING).values()) <= {"the judge did not answer in time", GIVEN_UP}


def test_a_broken_judge_gives_no_score(seen: tuple[Seen, Seen, Seen]) -> None:
    assert set(seen[1].reasons(Mood.BROKEN).values()) <= {"the judge failed: InternalServerError", GIVEN_UP}


def test_metrics_without_a_judge_are_measured_all_the_same(seen: tuple[Seen, Seen, Seen]) -> None:
    scores = [row["string similarity"] for one in seen for row in one.scores.values()]

    assert scores == [Score(1.0)] * 5
