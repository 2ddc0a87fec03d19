"""Windows of live answers: how soon a planted drift is seen, how often none is seen as one, and how sides are made alike."""

import tracemalloc
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from eval.live.windows import FALSE_ALARMS, Compared, _closeness, compare_windows, in_proportion
from rag_service.domain.answers import AnswerStatus
from rag_service.domain.live import ABSTENTION, QUESTIONS, RETRIEVAL, SUPPORT, WATCHED, LiveScore
from rag_service.domain.metric_names import COST, FAITHFULNESS, LATENCY, RELEVANCE, TOKENS
from tests.live_values import DAY, MIDNIGHT, answers_of_a_day, score

LEAST = 50
PER_DAY = 200
REFERENCE_DAYS = 14
WINDOWS = 200


def days(seed: int, count: int = REFERENCE_DAYS, **options: Mapping[str, float]) -> list[Sequence[LiveScore]]:
    rng = np.random.default_rng(seed)
    return [answers_of_a_day(rng, PER_DAY, day=day, **options) for day in range(count)]


def flat(each: Sequence[Sequence[LiveScore]]) -> list[LiveScore]:
    return [one for day in each for one in day]


def drifted(found: Sequence[Compared]) -> set[str]:
    return {one.measure for one in found if one.has_drifted}


def compared(reference: Sequence[LiveScore], current: Sequence[LiveScore]) -> dict[str, Compared]:
    return {one.measure: one for one in compare_windows(reference, current, least=LEAST)}


def delay(measure: str, changes: Mapping[str, float], *, patience: int = 14) -> int:
    """Return after how many windows (days) a change that stays is seen; the reference moves on with the windows."""
    rng = np.random.default_rng(23)
    history = [answers_of_a_day(rng, PER_DAY, day=day) for day in range(REFERENCE_DAYS)]
    for passed in range(1, patience + 1):
        today = answers_of_a_day(rng, PER_DAY, day=REFERENCE_DAYS + passed, changes=changes)
        if measure in drifted(compare_windows(flat(history[-REFERENCE_DAYS:]), today, least=LEAST)):
            return passed
        history.append(today)
    return 10**9


PLANTED = [
    (QUESTIONS, {"new topics": 0.3}, 1),
    (QUESTIONS, {"new topics": 0.2}, 2),
    (RETRIEVAL, {RETRIEVAL: -0.1}, 1),
    (SUPPORT, {SUPPORT: -0.1}, 1),
    (SUPPORT, {SUPPORT: -0.05}, 2),
    (FAITHFULNESS, {FAITHFULNESS: -0.2}, 1),
    (RELEVANCE, {RELEVANCE: -0.1}, 1),
    (ABSTENTION, {ABSTENTION: 0.2}, 1),
    (ABSTENTION, {ABSTENTION: 0.1}, 4),
    (LATENCY, {LATENCY: 0.5}, 1),
    (TOKENS, {TOKENS: 0.05}, 1),
    (COST, {COST: 0.05}, 1),
]


@pytest.mark.parametrize(("measure", "changes", "windows"), PLANTED, ids=[f"{one[0]} {one[1]}" for one in PLANTED])
def test_a_planted_drift_is_seen_soon(measure: str, changes: Mapping[str, float], windows: int) -> None:
    found = delay(measure, changes)

    print(f"{measure} {changes}: seen after {found} windows of {PER_DAY} answers")  # noqa: T201  (the figures are what this is run for)
    assert found <= windows


def test_windows_without_drift_are_seldom_false_alarms() -> None:
    rng, reference = np.random.default_rng(29), flat(days(31))
    windows = (answers_of_a_day(rng, PER_DAY) for _ in range(WINDOWS))
    alarms = [drifted(compare_windows(reference, window, least=LEAST)) for window in windows]

    false = sum(bool(one) for one in alarms)
    print(f"false alarms: {false} of {WINDOWS} windows, each of {len(WATCHED)} measures")  # noqa: T201
    assert false <= 3 * FALSE_ALARMS * WINDOWS


def test_what_changed_is_told_from_what_did_not() -> None:
    (today,) = days(37, 1, changes={SUPPORT: -0.2})
    found = compared(flat(days(31)), today)

    assert {name for name, one in found.items() if one.has_drifted} == {SUPPORT}
    assert found[SUPPORT].current < found[SUPPORT].reference - 0.15  # type: ignore[operator]


def test_too_few_answers_are_not_compared() -> None:
    found = compared(flat(days(31)), days(37, 1)[0][: LEAST - 1])

    assert set(found) == set(WATCHED)
    assert {one.psi for one in found.values()} == {None} and drifted(list(found.values())) == set()


def test_a_window_without_a_past_is_not_compared() -> None:
    assert {one.psi for one in compared([], flat(days(31, 1))).values()} == {None}


def test_questions_of_another_embedding_model_are_not_compared() -> None:
    today = [score(str(number), embedder="another", values={}) for number in range(LEAST)]

    assert compared(flat(days(31)), today)[QUESTIONS].psi is None


def test_a_rare_status_of_which_more_was_scored_weighs_no_more() -> None:
    answered = [score(f"a{number}", draw=number / 100, rate=0.2) for number in range(20)]
    refused = [score(f"r{number}", draw=number / 100, status=AnswerStatus.ABSTAINED) for number in range(100)]

    alike = in_proportion([*answered, *refused])

    assert sum(one.status is AnswerStatus.ABSTAINED for one in alike) == len(alike) / 2 == 20


def test_each_day_has_a_rate_of_its_own() -> None:
    busy = score("busy", draw=0.05, rate=0.1)
    quiet = score("quiet", draw=0.9, rate=1.0, asked_at=MIDNIGHT + DAY)

    assert in_proportion([quiet, busy]) == [busy, quiet]


def questions(count: int, dimensions: int) -> list[LiveScore]:
    vectors = np.random.default_rng(41).normal(0.1, 1.0, size=(count, dimensions))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("<f4")
    return [score(str(number), question=vector.tobytes()) for number, vector in enumerate(unit)]


def test_a_question_of_the_reference_is_compared_with_the_middle_of_the_others() -> None:
    asked = questions(60, 16)
    vectors = np.array([np.frombuffer(one.question, "<f4") for one in asked], dtype=np.float64)
    others = vectors[:50].sum(axis=0) - vectors[:50]

    known, seen = _closeness(asked[:50], asked[50:])

    lengths = np.linalg.norm(others, axis=1)
    assert known == pytest.approx((vectors[:50] * others).sum(axis=1) / lengths, abs=1e-5)
    middle = vectors[:50].sum(axis=0)
    assert seen == pytest.approx(vectors[50:] @ middle / np.linalg.norm(middle), abs=1e-5)


def test_comparing_questions_takes_little_more_memory_than_their_vectors() -> None:
    asked = questions(4000, 384)

    tracemalloc.start()
    _closeness(asked, asked[:100])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1.5 * 4100 * 384 * 4
