"""Which answers are scored."""

from datetime import timedelta

import pytest

from eval.live.sampling import chosen, draw_of
from rag_service.domain.answers import AnswerStatus
from rag_service.domain.ids import AnswerId, CorpusId, TenantId
from rag_service.domain.live import LiveCandidate
from tests.live_values import MIDNIGHT

MANY = 10**9


def candidates(
    count: int,
    status: AnswerStatus = AnswerStatus.ANSWERED,
    *,
    corpus: str = "vs",
    days: int = 0,
    is_scored: bool = False,
) -> list[LiveCandidate]:
    return [
        LiveCandidate(
            answer_id=AnswerId(f"{corpus}/{status}/{days}/{number}"),
            tenant_id=TenantId("ours"),
            corpus_id=CorpusId(corpus),
            status=status,
            asked_at=MIDNIGHT + timedelta(days=days),
            is_scored=is_scored,
        )
        for number in range(count)
    ]


def test_draws_are_even_and_always_the_same() -> None:
    draws = [draw_of(AnswerId(str(number))) for number in range(2000)]

    assert draw_of(AnswerId("answer_1")) == pytest.approx(0.7311, abs=1e-4)
    assert sum(draw < 0.1 for draw in draws) == pytest.approx(200, abs=45)
    assert min(draws) >= 0 and max(draws) < 1


def test_of_much_a_share_is_chosen() -> None:
    assert len(chosen(candidates(5000), rate=0.1, least=10, most=MANY)) == pytest.approx(500, abs=75)


def test_of_very_much_no_more_than_the_most_is_chosen() -> None:
    found = chosen(candidates(20_000), rate=0.5, least=10, most=200)

    assert len(found) == pytest.approx(200, abs=45)
    assert {one.rate for one in found} == {0.01}


def test_what_is_scored_at_least_goes_before_the_most() -> None:
    assert len(chosen(candidates(50), rate=1.0, least=50, most=5)) == 50


def test_of_what_is_rare_more_is_chosen() -> None:
    often, seldom = candidates(2000), candidates(20, AnswerStatus.ABSTAINED)

    found = chosen([*often, *seldom], rate=0.05, least=50, most=MANY)

    assert sum(one.candidate.status is AnswerStatus.ABSTAINED for one in found) == 20
    assert {one.rate for one in found} == {0.05, 1.0}


def test_corpora_and_days_are_strata_of_their_own() -> None:
    each = [*candidates(10), *candidates(10, corpus="other"), *candidates(10, days=1), *candidates(5000)]

    assert sum(one.rate == 1.0 for one in chosen(each[10:30], rate=0, least=10, most=MANY)) == 20
    assert {one.rate for one in chosen(each, rate=0, least=10, most=MANY)} == {10 / 5010, 1.0}


def test_looking_again_chooses_the_same_and_what_is_scored_no_more() -> None:
    first = chosen(candidates(100), rate=0.3, least=0, most=MANY)
    again = chosen(candidates(100, is_scored=True) + candidates(100, days=1), rate=0.3, least=0, most=MANY)

    assert chosen(candidates(100), rate=0.3, least=0, most=MANY) == first != []
    assert {one.candidate.asked_at for one in again} == {MIDNIGHT + timedelta(days=1)}


def test_without_rate_and_least_nothing_is_chosen() -> None:
    assert chosen(candidates(100), rate=0, least=0, most=MANY) == []
