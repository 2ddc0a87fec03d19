"""The rules that every VectorIndex keeps: in memory, engines in this process and behind the index host, a server."""

import uuid
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag_service.domain.ids import CorpusId, DocumentId
from rag_service.domain.versions import OPEN
from rag_service.ports.vector_index import Point, VectorIndex
from rag_service.ports.vectors import QueryVectors
from rag_service.retrieval.faiss_index import FaissIndex
from rag_service.retrieval.memory import MemoryIndex
from rag_service.retrieval.qdrant_edge import EdgeIndex
from tests.contract.index_backends import build, host, index
from tests.contract.index_points import (
    CORPUS,
    DIMENSIONS,
    TENANT,
    assert_same,
    chunks,
    dense,
    found,
    found_among,
    listed,
    point,
    point_id,
    points,
    query,
    scope,
    sparse,
)

__all__ = ["build", "host", "index"]  # fixtures


async def test_a_build_that_does_not_exist_has_no_candidates(index: VectorIndex, build: str) -> None:
    assert await found(index, build) == []


async def test_changes_to_a_build_that_does_not_exist_are_ignored(index: VectorIndex, build: str) -> None:
    await index.write(build, [])
    await index.retire(build, [point_id("a")], at=2)
    await index.purge(build, [point_id("a")])
    await index.optimise(build)
    await index.compact(build)
    await index.remove_corpus(build, CORPUS)
    await index.drop(build)

    assert await listed(index, build) == []
    assert build not in await index.builds()


async def test_builds_do_not_see_each_other(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a")])
    await index.write(f"{build}-2", [point("b")])

    assert chunks(await found(index, build)) == ["a"]


async def test_a_build_may_have_other_dimensions_than_another(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a")])
    wide = np.ones(2 * DIMENSIONS, dtype=np.float32)
    await index.write(f"{build}-wide", [point("b", vector=wide)])

    assert chunks(await found(index, f"{build}-wide", asked=query(wide))) == ["b"]


async def test_another_tenant_sees_nothing(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a")])

    assert await found(index, build, by=scope(tenant="rival")) == []


async def test_another_tenant_sees_nothing_even_where_it_sees_all_documents(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a")])

    assert await found(index, build, by=scope(tenant="rival", sees_all=True)) == []


async def test_a_corpus_shows_only_its_own_chunks(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a"), point("b", corpus="other")])

    assert chunks(await found(index, build, corpus="other")) == ["b"]


async def test_a_corpus_outside_the_scope_shows_nothing(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a")])

    assert await found(index, build, by=scope(corpora=frozenset({CorpusId("other")}))) == []


async def test_a_chunk_is_seen_by_any_of_its_principals(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a", principals=frozenset({"board", "legal"})), point("b")])

    assert chunks(await found(index, build, by=scope("legal", "sales"))) == ["a", "b"]


async def test_a_chunk_granted_to_others_is_not_seen(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a", principals=frozenset({"board"})), point("b")])

    assert chunks(await found(index, build)) == ["b"]


async def test_a_worker_sees_all_documents_of_its_tenant(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a", principals=frozenset({"board"}))])

    assert chunks(await found(index, build, by=scope(sees_all=True))) == ["a"]


@pytest.mark.parametrize(("version", "seen"), [(1, []), (2, ["a"]), (4, ["a"]), (5, [])])
async def test_a_chunk_is_seen_from_its_birth_until_before_its_death(index, build: str, version, seen) -> None:
    await index.write(build, [point("a", born=2, died=5)])

    assert chunks(await found(index, build, version=version)) == seen


async def test_a_retired_chunk_is_still_found_at_the_version_before(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a"), point("b")])

    await index.retire(build, [point_id("a"), point_id("unknown")], at=2)

    assert chunks(await found(index, build, version=1)) == ["a", "b"]
    assert chunks(await found(index, build, version=2)) == ["b"]


async def test_a_revived_chunk_lives_on(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a", died=2)])

    await index.revive(build, [point_id("a"), point_id("unknown")])

    assert chunks(await found(index, build, version=9)) == ["a"]
    assert (await listed(index, build))[0].died == OPEN


async def test_a_purged_chunk_is_gone_from_every_version(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a"), point("b")])

    await index.purge(build, [point_id("a"), point_id("unknown")])

    assert chunks(await found(index, build, version=1)) == ["b"]
    assert len(await listed(index, build)) == 1


async def test_both_scores_of_every_candidate_are_true(index: VectorIndex, build: str) -> None:
    written = points("p", 60)
    await index.write(build, written)
    asked = query(terms={2: 3.0, 4: 1.5})

    candidates = await found(index, build, asked=asked, limit=7)

    by_chunk = {item.chunk_id: item for item in written}
    assert len(candidates) > 7
    for candidate in candidates:
        chunk = by_chunk[candidate.chunk_id]
        assert candidate.dense_score == pytest.approx(float(chunk.dense @ asked.dense), abs=1e-5)
        assert candidate.sparse_score == pytest.approx(asked.sparse.dot(chunk.sparse), abs=1e-5)


async def test_vectors_that_are_not_of_length_one_still_score_as_cosines(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a", vector=dense("a") * 7)])

    [candidate] = await found(index, build, asked=query(dense("a") * 3))

    assert candidate.dense_score == pytest.approx(1.0, abs=1e-5)
    assert candidate.dense_score <= 1.0


async def test_the_sparse_side_brings_only_chunks_with_a_common_term(index: VectorIndex, build: str) -> None:
    near, far = dense("query"), -dense("query")
    await index.write(build, [point("near", vector=near, terms={9: 1.0}), point("far", vector=far, terms={8: 1.0})])

    candidates = await found(index, build, asked=query(terms={7: 1.0}), limit=1)

    assert chunks(candidates) == ["near"]
    assert candidates[0].sparse_score == 0.0


async def test_each_side_brings_its_own_best(index: VectorIndex, build: str) -> None:
    near, far = dense("query"), -dense("query")
    await index.write(build, [point("near", vector=near, terms={9: 1.0}), point("far", vector=far, terms={7: 1.0})])

    assert chunks(await found(index, build, asked=query(terms={7: 1.0}), limit=1)) == ["far", "near"]


async def test_a_query_without_terms_is_answered_by_the_dense_side(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a")])

    [candidate] = await found(index, build, asked=query(terms={}))

    assert candidate.sparse_score == 0.0


async def test_a_chunk_without_terms_is_found_by_the_dense_side(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a", terms={})])

    assert chunks(await found(index, build)) == ["a"]


async def test_ties_go_to_the_lower_chunk_id(index: VectorIndex, build: str) -> None:
    same = [point(f"c{number:02}", vector=dense("same")) for number in range(40)]
    await index.write(build, same[::-1])

    assert chunks(await found(index, build, limit=5)) == [f"c{number:02}" for number in range(5)]


async def test_candidates_come_in_order_of_chunk_id(index: VectorIndex, build: str) -> None:
    await index.write(build, points("p", 30))

    assert (seen := chunks(await found(index, build))) == sorted(seen)


async def test_writing_twice_changes_nothing(index: VectorIndex, build: str) -> None:
    await index.write(build, points("p", 5))
    before = await found(index, build)

    await index.write(build, points("p", 5))

    assert await found(index, build) == before


async def test_a_point_written_again_is_replaced(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a", vector=dense("a"))])

    await index.write(build, [point("a", vector=dense("b"), born=3)])

    assert await found(index, build, version=2) == []
    [candidate] = await found(index, build, asked=query(dense("b")), version=3)
    assert candidate.dense_score == pytest.approx(1.0, abs=1e-5)


async def test_every_point_of_a_corpus_is_listed_by_id(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a", born=2, died=4), point("b"), point("c", corpus="other")])

    states = await listed(index, build)

    assert [state.id for state in states] == sorted([point_id("a"), point_id("b")])
    assert {(state.chunk_id, state.born, state.died) for state in states} == {("a", 2, 4), ("b", 1, OPEN)}


async def test_the_list_of_points_is_complete_over_many_pages(index: VectorIndex, build: str) -> None:
    await index.write(build, points("p", 5_003))

    states = await listed(index, build)

    assert [state.id for state in states] == sorted(point_id(f"p{number}") for number in range(5_003))


async def test_a_listed_point_says_whose_it_is_and_who_sees_it(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a", principals=frozenset({"board", "legal"}))])

    [state] = await listed(index, build)

    assert (state.tenant_id, state.corpus_id) == (TENANT, CORPUS)
    assert state.principals == {"board", "legal"}


async def test_points_born_after_a_version_are_listed_alone(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a", born=2), point("b", born=3), point("c", born=4, died=5)])

    assert {state.chunk_id for state in await listed(index, build, born_after=2)} == {"b", "c"}


async def test_a_build_says_how_many_points_of_each_corpus_it_holds(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a"), point("b", died=2), point("c", corpus="other"), point("d", corpus="gone")])
    await index.purge(build, [point_id("d")])

    assert await index.corpora(build) == {CORPUS: 2, "other": 1}
    assert (await index.builds())[build] == 3


async def test_a_build_that_does_not_exist_holds_no_corpora(index: VectorIndex, build: str) -> None:
    assert await index.corpora(build) == {}
    assert build not in await index.builds()


async def test_other_rights_reach_points_that_are_there(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a"), point("b", died=2)])

    await index.grant(build, [point_id("a"), point_id("unknown")], principals=frozenset({"board"}))

    assert chunks(await found(index, build)) == ["b"]
    assert chunks(await found(index, build, by=scope("board"))) == ["a", "b"]


async def test_a_search_among_documents_finds_no_other(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a"), point("b"), replace(point("c"), document_id=DocumentId("doc-b"))])

    assert await found_among(index, build, "doc-b", "doc-unknown") == ["b", "c"]
    assert await found_among(index, build) == []


async def test_a_question_without_a_dense_side_finds_words_only(index: VectorIndex, build: str) -> None:
    await index.write(build, [point("a", terms={1: 2.0}), point("b", terms={9: 1.0})])
    words, nothing = (QueryVectors(dense=None, sparse=sparse(terms)) for terms in ({1: 2.0}, {}))

    [only] = await found(index, build, asked=words)

    assert (only.chunk_id, only.dense_score, only.sparse_score) == ("a", 0.0, 4.0)
    assert await found(index, build, asked=nothing) == []


_VERSIONS = st.integers(0, 3)
_SMALL_POINTS = st.lists(
    st.builds(
        lambda vector, terms, born, lives, groups: (vector, terms, born, born + lives, groups),
        st.lists(st.integers(-3, 3), min_size=DIMENSIONS, max_size=DIMENSIONS).filter(any),
        st.dictionaries(st.integers(0, 5), st.integers(1, 4).map(float), max_size=4),
        _VERSIONS,
        st.integers(1, 3),
        st.frozensets(st.sampled_from(["everyone", "board", "legal"]), min_size=1),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=_SMALL_POINTS, version=_VERSIONS, limit=st.integers(1, 4), group=st.sampled_from(["board", "legal", "sales"])
)
async def test_a_full_scan_of_the_engine_finds_what_memory_finds(engine, rows, version, limit, group) -> None:
    corpus, memory = uuid.uuid4().hex, MemoryIndex()
    asked = query(np.array([3, 1, -2, 5, 4, 1, -1, 2], dtype=np.float32), terms={0: 1.0, 3: 2.0})
    answers = []
    for each in (engine, memory):
        await each.write("build", [_drawn(number, row, corpus) for number, row in enumerate(rows)])
        answers.append(
            await found(
                each, "build", asked=asked, by=scope(group), corpus=corpus, version=version, limit=limit, exact=True
            )
        )

    assert_same(*answers)


@pytest.fixture(params=[EdgeIndex, FaissIndex])
def engine(request: pytest.FixtureRequest, tmp_path) -> Iterator[VectorIndex]:
    opened = request.param(tmp_path, exact_below=0)
    yield opened
    opened.close()


def _drawn(number: int, row: tuple, corpus: str) -> Point:
    vector, terms, born, died, groups = row
    drawn = point(f"{corpus}-{number:02}", corpus=corpus, born=born, died=died, principals=groups)
    return replace(drawn, dense=np.array(vector, dtype=np.float32), sparse=sparse(terms))
