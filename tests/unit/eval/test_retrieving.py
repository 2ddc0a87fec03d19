"""Search as it is measured."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from eval.bootstrap import Evaluation
from eval.datasets.cases import Query
from eval.retrieving import OVER_PARTS, Reach, document_of, measure_search
from eval.systems import by_words
from rag_service.api.run_report import Section
from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Passage
from rag_service.domain.ids import ChunkId, TenantId
from rag_service.use_cases.searching.options import SearchOptions
from tests.values import passage

SCOPE = AccessScope(tenant_id=TenantId("t"), principals=frozenset(), permissions=frozenset())


def found(key: str, *, score: float, dense: float, sparse: float) -> Passage:
    """Return a passage of the document `key`."""
    shown = replace(passage(key), chunk_id=ChunkId(key), attributes={"document_key": key})
    return replace(shown, score=score, dense_score=dense, sparse_score=sparse)


FOUND = [
    found("x", score=0.9, dense=0.2, sparse=9.0),
    found("a", score=0.8, dense=0.6, sparse=4.0),
    found("b", score=0.1, dense=0.5, sparse=0.0),
]


class Search:
    """Finds the same documents for every query."""

    async def pin(self, scope: AccessScope, corpus: str) -> SimpleNamespace:
        return SimpleNamespace(number=3, corpus=SimpleNamespace(dense_weight=0.2))

    async def at(self, scope: AccessScope, pinned: Any, query: str, options: SearchOptions) -> SimpleNamespace:
        return SimpleNamespace(passages=FOUND if options.all_candidates else FOUND[: options.limit])


async def last_first(query: str, passages: Sequence[Passage], *, limit: int) -> SimpleNamespace:
    return SimpleNamespace(passages=tuple(reversed(passages[:limit])), outcome="done")


async def measured(reach: Reach, *, rerank: Any = None) -> Section:
    evaluation = Evaluation(container=SimpleNamespace(search=Search(), rerank=rerank), scope=SCOPE)
    queries = [Query(id="q", text="Q", grades={"a": 1})]
    return await measure_search(evaluation, "c", queries, passages=100, reach=reach, tell=print)


async def test_search_is_measured_at_the_version_that_was_pinned() -> None:
    section = await measured(Reach(ndcg=0.5))

    assert section.name == "c@3"
    assert section.metrics[0].value == pytest.approx(0.6309, abs=1e-4)
    assert section.metrics[0].passed is True


async def test_a_weight_that_the_corpus_has_learned_is_named() -> None:
    assert (await measured(Reach())).made_with == {"dense weight": "0.2"}


async def test_every_system_ranks_what_one_search_found() -> None:
    section = await measured(Reach())

    ndcg = {system: metrics[0].value for system, metrics in section.systems.items()}
    assert ndcg == {
        "dense": 1.0,
        "BM25": pytest.approx(0.6309, abs=1e-4),
        "rank fusion": 1.0,
    }


async def test_a_second_look_is_a_system_where_there_is_a_reranker() -> None:
    section = await measured(Reach(), rerank=last_first)

    assert section.systems["with a second look"][0].value == pytest.approx(0.6309, abs=1e-4)
    assert section.notes == ["Second looks: 1 done."]
    assert "with a second look" not in (await measured(Reach())).systems


async def test_the_default_has_to_be_above_its_better_part() -> None:
    section = await measured(Reach(over_parts=0.0))

    [margin] = [metric for metric in section.metrics if metric.name == OVER_PARTS]
    assert margin.value == pytest.approx(0.6309 - 1.0, abs=1e-4)
    assert margin.passed is False


def test_words_find_nothing_that_shares_none() -> None:
    assert [passage.chunk_id for passage in by_words(FOUND)] == ["x", "a"]


@pytest.mark.parametrize(("attributes", "key"), [({"document_key": "7"}, "7"), ({}, "a")])
def test_a_document_is_known_by_its_key_or_its_file_name(attributes: dict[str, Any], key: str) -> None:
    assert document_of(replace(passage("x"), filename="a.row.json", attributes=attributes)) == key
