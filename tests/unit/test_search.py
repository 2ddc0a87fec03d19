"""What search finds, and in which order."""

from dataclasses import replace
from typing import Any

import pytest

from rag_service.domain.ids import ChunkId
from rag_service.errors import InvalidRequest, RerankerUnavailable
from rag_service.ports.vector_index import Candidate
from rag_service.reranking.word_overlap import WordOverlapReranker
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import RerankSettings, RetrievalSettings
from rag_service.use_cases.search import Search
from rag_service.use_cases.searching.options import SearchOptions
from rag_service.use_cases.searching.rerank import Reranking, RerankPassages
from tests.unit.scripted_reranker import ScriptedReranker
from tests.unit.shelf import CORPUS, READER, TEXTS, Shelf, search, search_over, shelf

__all__ = ["search", "shelf"]


class AttentiveIndex(MemoryIndex):
    """An index that notes how it was asked."""

    was_exact: bool | None = None

    async def search(self, *args: Any, exact: bool = False, **asked: Any) -> list[Candidate]:
        self.was_exact = exact
        return await super().search(*args, exact=exact, **asked)


async def test_whoever_measures_gets_every_candidate(search: Search) -> None:
    options = SearchOptions(limit=1, all_candidates=True)

    found = await search(READER, corpus="handbook", query="what do dogs do at night", options=options)

    assert len(found.passages) > 1


async def test_the_best_passage_has_rank_1_and_its_scores(search: Search) -> None:
    found = await search(READER, corpus="handbook", query="what do dogs do at night", options=SearchOptions(limit=3))

    assert [one.rank for one in found.passages] == [1, 2, 3]
    assert found.passages[0].text == TEXTS[1]
    assert 1.0 >= found.passages[0].score > found.passages[1].score >= found.passages[2].score
    assert found.passages[0].sparse_score > 0 and found.passages[0].dense_score > 0.5


@pytest.mark.parametrize("weight", [0.0, 1.0])
async def test_a_corpus_is_searched_with_its_own_weight(search: Search, shelf: Shelf, weight: float) -> None:
    shelf.corpus = replace(CORPUS, dense_weight=weight)

    found = await search(READER, corpus="handbook", query="when do cats sleep", options=SearchOptions(limit=3))

    best = max(one.dense_score for one in found.passages)
    by_side = [(one.dense_score + 1) / (best + 1) if weight else one.sparse_score > 0 for one in found.passages]
    assert [one.score for one in found.passages[:2]] == pytest.approx([float(side) for side in by_side[:2]])


async def test_what_is_like_the_best_comes_before_what_is_not_and_scores_of_both_sides_stay(shelf: Shelf) -> None:
    options = SearchOptions(limit=4)
    fused, fed_back = [
        await (await search_over(shelf, settings=RetrievalSettings(feedback_weight=weight)))(
            READER, corpus="handbook", query="do cats sleep at night", options=options
        )
        for weight in (0.0, 1.0)
    ]

    assert {one.chunk_id for one in fed_back.passages[:2]} == {"0", "2"}  # one wording
    assert fed_back.passages[2].score < next(
        one.score for one in fused.passages if one.chunk_id == fed_back.passages[2].chunk_id
    )
    for side in ("dense_score", "sparse_score"):
        one, other = ({each.chunk_id: getattr(each, side) for each in found.passages} for found in (fused, fed_back))
        assert one == other


async def test_a_list_shows_every_document_that_has_the_words(search: Search) -> None:
    found = await search(READER, corpus="handbook", query="when do cats sleep", options=SearchOptions(limit=3))

    assert {"0", "2"} <= {one.chunk_id for one in found.passages}


async def test_a_generator_reads_one_wording_once(search: Search) -> None:
    pinned = await search.pin(READER, "handbook")

    found = await search.at(READER, pinned, "when do cats sleep", SearchOptions(limit=3, distinct=True))

    assert found.passages[0].chunk_id == "0"
    assert "2" not in {one.chunk_id for one in found.passages}
    assert [one.rank for one in found.passages] == list(range(1, len(found.passages) + 1))


async def test_a_document_gives_no_more_passages_than_asked_for(search: Search, shelf: Shelf) -> None:
    options = SearchOptions(limit=4, per_document=1)
    shelf.of_one_document = {ChunkId("0"), ChunkId("2")}

    found = await search(READER, corpus="handbook", query="when do cats sleep", options=options)

    assert [one.rank for one in found.passages] == [1, 2, 3]
    assert {one.chunk_id for one in found.passages} == {"0", "1", "3"}


async def test_what_the_catalog_does_not_show_is_skipped_and_others_move_up(search: Search, shelf: Shelf) -> None:
    shelf.hidden = {ChunkId("1")}

    found = await search(READER, corpus="handbook", query="dogs bark", options=SearchOptions(limit=2))

    assert len(found.passages) == 2 and found.passages[0].rank == 1
    assert TEXTS[1] not in {one.text for one in found.passages}


@pytest.mark.parametrize("exact", [False, True])
async def test_the_index_is_told_whether_a_search_is_exact(shelf: Shelf, exact: bool) -> None:
    index = AttentiveIndex()
    search = await search_over(shelf, index)

    await search(READER, corpus="handbook", query="when do cats sleep", options=SearchOptions(limit=3, exact=exact))

    assert index.was_exact is exact


async def test_a_blank_query_is_refused(search: Search) -> None:
    with pytest.raises(InvalidRequest):
        await search(READER, corpus="handbook", query=" \n", options=SearchOptions(limit=3))


async def test_a_query_without_words_is_left_to_the_dense_side(search: Search) -> None:
    found = await search(READER, corpus="handbook", query="?!", options=SearchOptions(limit=3))

    assert {one.sparse_score for one in found.passages} == {0.0}


async def test_every_stage_is_timed(search: Search) -> None:
    found = await search(READER, corpus="handbook", query="cats", options=SearchOptions(limit=3))

    assert set(found.timings_ms) == {"embed", "encode", "index", "fusion", "feedback", "passages", "total"}


async def test_a_second_look_chooses_from_more_than_are_shown_and_is_timed(shelf: Shelf) -> None:
    rerank = RerankPassages(
        reranker=WordOverlapReranker(), settings=RerankSettings(candidates=4, fused_weight=0, decisive_gap=2)
    )
    search = await search_over(shelf, rerank=rerank)

    found = await search(READER, corpus="handbook", query="a turbine", options=SearchOptions(limit=1))

    assert [one.text for one in found.passages] == ["A turbine turns."]
    assert (found.reranking, found.degraded) == (Reranking.DONE, ())
    assert "rerank" in found.timings_ms


@pytest.mark.parametrize("ended", [None, RerankerUnavailable("gone")], ids=["late", "failed"])
async def test_a_second_look_that_comes_short_is_told_and_counted(shelf: Shelf, ended: Exception | None) -> None:
    settings = RerankSettings(budget_ms=20, decisive_gap=2)
    search = await search_over(shelf, rerank=RerankPassages(reranker=ScriptedReranker(ended), settings=settings))

    found = await search(READER, corpus="handbook", query="a turbine", options=SearchOptions(limit=1))

    assert (found.degraded, search.counts.degraded) == (("rerank",), {"rerank": 1})


async def test_passages_that_are_widened_are_not_looked_at_again(shelf: Shelf) -> None:
    search = await search_over(shelf, rerank=RerankPassages(reranker=WordOverlapReranker(), settings=RerankSettings()))

    found = await search(READER, corpus="handbook", query="a turbine", options=SearchOptions(limit=1, neighbours=1))

    assert found.reranking is None


async def test_without_a_reranker_no_second_look_is_taken(search: Search) -> None:
    found = await search(READER, corpus="handbook", query="cats", options=SearchOptions(limit=1))

    assert found.reranking is None
