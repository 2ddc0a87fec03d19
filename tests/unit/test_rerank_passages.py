"""The second look at passages: when it is taken, and what stands when it does not end well."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.answers import Passage
from rag_service.errors import RerankerUnavailable
from rag_service.reranking.word_overlap import WordOverlapReranker
from rag_service.settings import RerankSettings
from rag_service.use_cases.searching.rerank import Reranking, RerankPassages, is_decided
from tests.unit.scripted_reranker import ScriptedReranker
from tests.values import passage

TEXTS = ["A turbine turns.", "Cats sleep all day.", "Dogs bark at night.", "Dogs sleep at night."]
ANEW = RerankSettings(backend="words", fused_weight=0)
MOMENT_MS = 20


def found(*scores: float) -> list[Passage]:
    scores = scores or (0.9, 0.8, 0.7, 0.6)
    return [passage(TEXTS[place], rank=place + 1, score=score) for place, score in enumerate(scores)]


def order(passages: Sequence[Passage]) -> list[int]:
    return [TEXTS.index(one.text) for one in passages]


async def test_the_passage_with_the_words_comes_first_and_ranks_are_renumbered() -> None:
    rerank = RerankPassages(reranker=WordOverlapReranker(), settings=ANEW)

    looked = await rerank("do dogs bark at night?", found(), limit=3)

    assert looked.outcome is Reranking.DONE
    assert order(looked.passages) == [2, 3, 0]
    assert [one.rank for one in looked.passages] == [1, 2, 3]


async def test_scores_of_the_search_stay_with_their_passages() -> None:
    rerank = RerankPassages(reranker=WordOverlapReranker(), settings=ANEW)

    looked = await rerank("dogs bark", found(), limit=4)

    assert {TEXTS.index(one.text): one.score for one in looked.passages} == {0: 0.9, 1: 0.8, 2: 0.7, 3: 0.6}


async def test_equal_scores_leave_the_order_that_was_found() -> None:
    rerank = RerankPassages(reranker=ScriptedReranker([5.0, 5.0, 5.0, 5.0]), settings=ANEW)

    assert order((await rerank("q", found(), limit=4)).passages) == [0, 1, 2, 3]


async def test_the_fused_score_has_its_share_in_the_new_order() -> None:
    settings = RerankSettings(fused_weight=0.5)
    rerank = RerankPassages(reranker=ScriptedReranker([0.0, 1.0, 3.0, 4.0]), settings=settings)

    looked = await rerank("q", found(0.9, 0.8, 0.7, 0.1), limit=4)

    assert order(looked.passages) == [2, 1, 0, 3]


async def test_only_the_candidates_are_looked_at_and_the_rest_stays_below() -> None:
    settings = ANEW.model_copy(update={"candidates": 2})
    rerank = RerankPassages(reranker=ScriptedReranker([0.0, 1.0]), settings=settings)

    assert order((await rerank("q", found(), limit=4)).passages) == [1, 0, 2, 3]


async def test_what_the_budget_does_not_reach_stays_below() -> None:
    reranker = ScriptedReranker([0.0, 1.0], None)
    rerank = RerankPassages(reranker=reranker, settings=ANEW.model_copy(update={"budget_ms": MOMENT_MS}))

    looked = await rerank("q", found(), limit=4)

    assert looked.outcome is Reranking.LATE
    assert order(looked.passages) == [1, 0, 2, 3]
    assert reranker.is_closed


@pytest.mark.parametrize("parts", [[None], [RerankerUnavailable("gone")], [[0.0, 1.0], RerankerUnavailable("gone")]])
async def test_a_reranker_that_gives_up_leaves_the_order_that_was_found(parts: list[object]) -> None:
    settings = ANEW.model_copy(update={"budget_ms": MOMENT_MS})
    rerank = RerankPassages(reranker=ScriptedReranker(*parts), settings=settings)

    looked = await rerank("q", found(), limit=4)

    assert order(looked.passages) == [0, 1, 2, 3]
    assert looked.outcome in {Reranking.LATE, Reranking.FAILED}


async def test_nothing_is_read_where_the_fused_scores_decide() -> None:
    settings = ANEW.model_copy(update={"decisive_gap": 0.1})
    rerank = RerankPassages(reranker=ScriptedReranker(RuntimeError("must not be called")), settings=settings)

    looked = await rerank("q", found(0.9, 0.7, 0.6), limit=2)

    assert looked.outcome is Reranking.SKIPPED
    assert order(looked.passages) == [0, 1]


async def test_nothing_is_read_where_the_question_quotes_words() -> None:
    rerank = RerankPassages(reranker=ScriptedReranker(RuntimeError("must not be called")), settings=ANEW)

    looked = await rerank('what is meant by "dogs bark"?', found(), limit=4)

    assert looked.outcome is Reranking.SKIPPED


async def test_a_search_that_has_less_time_left_shortens_the_budget() -> None:
    rerank = RerankPassages(reranker=ScriptedReranker(None), settings=ANEW.model_copy(update={"budget_ms": 1e9}))

    assert (await rerank("q", found(), limit=4, within_s=MOMENT_MS / 1000)).outcome is Reranking.LATE


async def test_looks_are_counted_by_how_they_ended() -> None:
    rerank = RerankPassages(reranker=WordOverlapReranker(), settings=ANEW)

    await rerank("dogs", found(), limit=2)
    await rerank("dogs", [], limit=2)

    assert rerank.ended == {"done": 1, "skipped": 1, "late": 0, "failed": 0}


def test_as_many_are_wanted_as_there_are_candidates_or_more_where_more_are_shown() -> None:
    rerank = RerankPassages(reranker=WordOverlapReranker(), settings=RerankSettings(candidates=10))

    assert (rerank.wanted(8), rerank.wanted(50)) == (10, 50)


@given(
    st.lists(st.floats(0, 1), max_size=8),
    st.lists(st.floats(-1e9, 1e9), max_size=8),
    st.floats(0, 1),
    st.integers(1, 9),
)
async def test_every_passage_is_kept_once(
    fused: list[float], scores: list[float], fused_weight: float, limit: int
) -> None:
    passages = [passage("x", rank=rank, score=score) for rank, score in enumerate(sorted(fused, reverse=True), start=1)]
    settings = RerankSettings(fused_weight=fused_weight)
    rerank = RerankPassages(reranker=ScriptedReranker(scores[: len(passages)]), settings=settings)

    looked = await rerank("q", passages, limit=limit)

    kept = {one.chunk_id for one in looked.passages}
    assert len(kept) == len(looked.passages) == min(limit, len(passages))
    assert all(before.rank + 1 == after.rank for before, after in pairwise(looked.passages))


@pytest.mark.parametrize(("fused", "decided"), [((), True), ((0.4,), True), ((0.9, 0.5), True), ((0.9, 0.85), False)])
def test_a_lead_decides(fused: tuple[float, ...], decided: bool) -> None:
    assert is_decided(fused, gap=0.1) is decided
