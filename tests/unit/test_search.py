from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rag_service.domain.access import EVERYONE, AccessScope, Permission
from rag_service.domain.answers import Passage
from rag_service.domain.builds import Build, BuildState
from rag_service.domain.drafts import Draft, DraftState, SealPurpose
from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, DraftId, Fingerprint, PointId, TenantId
from rag_service.domain.versions import OPEN, Corpus, Version
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.errors import Conflict, InvalidRequest, NotFound, RerankerUnavailable
from rag_service.ports.sparse_encoder import DocumentFrequencies, frequencies_of
from rag_service.ports.vector_index import Candidate, Point
from rag_service.reranking.word_overlap import WordOverlapReranker
from rag_service.retrieval.fusion import fuse
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import RerankSettings, RetrievalSettings
from rag_service.use_cases.search import Search
from rag_service.use_cases.searching.options import SearchOptions
from rag_service.use_cases.searching.rerank import Reranking, RerankPassages
from tests.build_parts import own_parts
from tests.unit.scripted_reranker import ScriptedReranker
from tests.values import passage

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BUILD = Fingerprint("build")
CORPUS = Corpus(
    id=CorpusId("vs_1"),
    tenant_id=TenantId("acme"),
    name="handbook",
    description="",
    published=2,
    highest=2,
    fingerprint=BUILD,
    created_at=NOW,
)
TEXTS = ["Cats sleep all day.", "Dogs bark at night.", "Cats  sleep\nall day.", "A turbine turns."]
READER = AccessScope(
    tenant_id=CORPUS.tenant_id, principals=frozenset({EVERYONE}), permissions=frozenset({Permission.CHAT})
)
HISTORIAN = replace(READER, permissions=frozenset({Permission.CHAT, Permission.HISTORY}))
PUBLISHER = replace(READER, permissions=frozenset({Permission.CHAT, Permission.PUBLISH}))
ALL = replace(READER, permissions=frozenset(Permission))


class Shelf:
    """A catalog with one corpus, as far as search reads it; version 1 has the first text only."""

    def __init__(self, corpus: Corpus = CORPUS) -> None:
        self.corpora = self.chunks = self.builds = self
        self.versions = self.drafts = Editions()
        self.corpus = corpus
        self.hidden: set[ChunkId] = set()
        self.of_one_document: set[ChunkId] = set()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        yield self

    glancing = reading

    async def get(self, scope: AccessScope, ref: str, fingerprint: Fingerprint | None = None) -> Any:
        if fingerprint is not None:
            return build(fingerprint)
        if ref not in (self.corpus.id, self.corpus.name):
            raise NotFound("corpus", ref)
        return self.corpus

    async def around(self, *asked: object) -> dict[ChunkId, Any]:
        return {}

    async def passages(
        self, scope: AccessScope, corpus_id: CorpusId, version: int, chunk_ids: Sequence[ChunkId]
    ) -> dict[ChunkId, Passage]:
        found = {name: stored(name) for name in chunk_ids if name not in self.hidden}
        return {
            name: replace(one, document_id=DocumentId("one" if name in self.of_one_document else name))
            for name, one in found.items()
        }


class Editions:
    """Versions 1 and 2 were published, version 3 is a draft's; "old" is a label of version 1."""

    def __init__(self) -> None:
        self.tables_read = 0
        self.has_tables = True
        self.fingerprint = BUILD
        self.slot: Draft | None = draft(DraftState.SEALED)

    async def get(self, scope: AccessScope, corpus_id: CorpusId, number: int) -> Version:
        if number not in (1, 2, 3):
            raise NotFound("version", str(number))
        return Version(
            corpus_id=corpus_id,
            number=number,
            draft_id=DraftId("d"),
            document_count=1,
            chunk_count=1,
            created_at=NOW,
            fingerprint=self.fingerprint,
            published_at=NOW if number < 3 else None,
        )

    async def labels(self, scope: AccessScope, corpus_id: CorpusId) -> dict[str, int]:
        return {"old": 1, "new": 2}

    async def in_slot(self, scope: AccessScope, corpus_id: CorpusId) -> Draft | None:
        return self.slot

    async def frequencies(
        self, scope: AccessScope, corpus_id: CorpusId, number: int, fingerprint: Fingerprint
    ) -> DocumentFrequencies | None:
        self.tables_read += 1
        return frequencies_of([Bm25Encoder().encode_passage(text) for text in TEXTS]) if self.has_tables else None


def draft(state: DraftState) -> Draft:
    return Draft(
        id=DraftId("d"),
        tenant_id=CORPUS.tenant_id,
        corpus_id=CORPUS.id,
        automatic=False,
        name="spring",
        notes="",
        state=state,
        purpose=SealPurpose.PREVIEW,
        number=3,
        base=2,
        sealed_against=2,
        created_at=NOW,
    )


def build(fingerprint: Fingerprint) -> Build:
    return Build(
        corpus_id=CORPUS.id,
        fingerprint=fingerprint,
        recipe={},
        state=BuildState.READY,
        since=0,
        synced=2,
        created_at=NOW,
    )


def stored(name: ChunkId) -> Passage:
    return replace(passage(TEXTS[int(name)], rank=1, score=0), chunk_id=name)


class AttentiveIndex(MemoryIndex):
    """An index that notes how it was asked."""

    was_exact: bool | None = None

    async def search(self, *args: Any, exact: bool = False, **asked: Any) -> list[Candidate]:
        self.was_exact = exact
        return await super().search(*args, exact=exact, **asked)


async def fill(index: MemoryIndex) -> MemoryIndex:
    dense = await HashingEmbedder().embed_passages(TEXTS)
    points = [
        Point(
            id=PointId(f"p{place}"),
            tenant_id=CORPUS.tenant_id,
            corpus_id=CORPUS.id,
            document_id=DocumentId(f"doc_{place}"),
            chunk_id=ChunkId(str(place)),
            principals=frozenset({EVERYONE}),
            born=1 if place == 0 else 2,
            died=OPEN,
            dense=dense[place],
            sparse=Bm25Encoder().encode_passage(text),
        )
        for place, text in enumerate(TEXTS)
    ]
    await index.write(BUILD, points)
    return index


async def search_over(shelf: Any, index: MemoryIndex | None = None, *, rerank: RerankPassages | None = None) -> Search:
    return Search(
        catalog=shelf,
        index=await fill(index or MemoryIndex()),
        build_parts=own_parts(BUILD),
        fuse=fuse,
        settings=RetrievalSettings(),
        rerank=rerank,
    )


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def search(shelf: Shelf) -> Search:
    return await search_over(shelf)


async def test_whoever_measures_gets_every_candidate(search: Search) -> None:
    options = SearchOptions(limit=1, all_candidates=True)

    found = await search(READER, corpus="handbook", query="what do dogs do at night", options=options)

    assert len(found.passages) > 1


async def test_the_best_passage_has_rank_1_and_its_scores(search: Search) -> None:
    found = await search(READER, corpus="handbook", query="what do dogs do at night", options=SearchOptions(limit=3))

    assert [one.rank for one in found.passages] == [1, 2, 3]
    assert found.passages[0].text == TEXTS[1]
    assert found.passages[0].score == pytest.approx(1.0)
    assert found.passages[0].sparse_score > 0 and found.passages[0].dense_score > 0.5


@pytest.mark.parametrize("weight", [0.0, 1.0])
async def test_a_corpus_is_searched_with_its_own_weight(search: Search, shelf: Shelf, weight: float) -> None:
    shelf.corpus = replace(CORPUS, dense_weight=weight)

    found = await search(READER, corpus="handbook", query="when do cats sleep", options=SearchOptions(limit=3))

    best = max(one.dense_score for one in found.passages)
    by_side = [(one.dense_score + 1) / (best + 1) if weight else one.sparse_score > 0 for one in found.passages]
    assert [one.score for one in found.passages[:2]] == pytest.approx([float(side) for side in by_side[:2]])


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


async def test_an_old_version_shows_what_it_held(search: Search) -> None:
    found = await search(HISTORIAN, corpus="handbook@1", query="dogs and cats", options=SearchOptions(limit=5))

    assert found.pinned.number == 1
    assert [one.text for one in found.passages] == [TEXTS[0]]


async def test_the_published_version_may_be_named_by_all(search: Search) -> None:
    assert (await search.pin(READER, "handbook@2")).number == 2
    assert (await search.pin(READER, "vs_1")).number == 2


@pytest.mark.parametrize("exact", [False, True])
async def test_the_index_is_told_whether_a_search_is_exact(shelf: Shelf, exact: bool) -> None:
    index = AttentiveIndex()
    search = await search_over(shelf, index)

    await search(READER, corpus="handbook", query="when do cats sleep", options=SearchOptions(limit=3, exact=exact))

    assert index.was_exact is exact


@pytest.mark.parametrize("ref", ["other", "handbook@", "@2", "handbook@two", "handbook@²", "handbook@" + "9" * 5000])
async def test_what_names_no_corpus_is_not_found(search: Search, ref: str) -> None:
    with pytest.raises(NotFound):
        await search.pin(HISTORIAN, ref)


async def test_a_forbidden_version_looks_like_an_absent_one(search: Search) -> None:
    with pytest.raises(NotFound) as forbidden:
        await search.pin(READER, "handbook@1")
    with pytest.raises(NotFound) as absent:
        await search.pin(HISTORIAN, "handbook@4")

    assert str(forbidden.value).replace("1", "4") == str(absent.value)


@pytest.mark.parametrize(("ref", "number"), [("draft", 3), ("3", 3), ("new", 2)])
async def test_the_sealed_draft_is_asked_by_those_who_may_publish(search: Search, ref: str, number: int) -> None:
    assert (await search.pin(PUBLISHER, f"handbook@{ref}")).number == number


@pytest.mark.parametrize("ref", ["draft", "3"])
async def test_a_draft_needs_more_than_the_right_to_history(search: Search, ref: str) -> None:
    with pytest.raises(NotFound, match=f"No such version: {ref}"):
        await search.pin(HISTORIAN, f"handbook@{ref}")


@pytest.mark.parametrize("state", [DraftState.SEALING, DraftState.UNSEALING])
@pytest.mark.parametrize("ref", ["draft", "3"])
async def test_a_draft_is_asked_only_while_it_is_sealed(
    search: Search, shelf: Shelf, ref: str, state: DraftState
) -> None:
    shelf.versions.slot = draft(state)

    with pytest.raises(NotFound):
        await search.pin(PUBLISHER, f"handbook@{ref}")


async def test_a_label_stands_for_its_version_and_needs_the_same_right(search: Search) -> None:
    assert (await search.pin(HISTORIAN, "handbook@old")).number == 1
    assert (await search.pin(READER, "handbook@new")).number == 2
    with pytest.raises(NotFound, match="No such version: old"):
        await search.pin(READER, "handbook@old")


@pytest.mark.parametrize(
    "scope",
    [
        replace(READER, permissions=frozenset({Permission.UPLOAD})),
        replace(READER, corpora=frozenset({CorpusId("vs_2")})),
        replace(READER, tenant_id=TenantId("other")),
    ],
)
async def test_outside_the_scope_nothing_is_found(search: Search, scope: AccessScope) -> None:
    with pytest.raises(NotFound):
        await search(scope, corpus="handbook", query="cats", options=SearchOptions(limit=3))


async def test_a_corpus_without_a_version_has_no_passages() -> None:
    search = await search_over(Shelf(replace(CORPUS, published=0)))

    assert (await search(READER, corpus="handbook", query="cats", options=SearchOptions(limit=3))).passages == ()


async def test_a_build_whose_model_is_gone_is_refused_and_no_other_model_answers() -> None:
    search = await search_over(Shelf(replace(CORPUS, fingerprint=Fingerprint("older"))))

    with pytest.raises(Conflict, match="RAG_EMBEDDING__MODEL"):
        await search(READER, corpus="handbook", query="cats", options=SearchOptions(limit=3))


async def test_every_version_is_asked_under_the_build_that_it_was_sealed_under(shelf: Shelf) -> None:
    shelf.versions.fingerprint = Fingerprint("older")
    search = await search_over(shelf)

    pinned = {ref: (await search.pin(ALL, f"handbook@{ref}")).fingerprint for ref in ("1", "2", "old", "draft")}

    assert pinned == {"1": "older", "2": BUILD, "old": "older", "draft": "older"}


async def test_the_table_of_a_version_is_read_again_after_an_erasure(shelf: Shelf) -> None:
    search = await search_over(shelf)
    await search(READER, corpus="handbook", query="cats", options=SearchOptions(limit=3))
    shelf.corpus = replace(CORPUS, erasures=1)

    await search(READER, corpus="handbook", query="cats", options=SearchOptions(limit=3))

    assert shelf.versions.tables_read == 2


async def test_a_version_that_is_unsealed_meanwhile_is_not_found(shelf: Shelf) -> None:
    search = await search_over(shelf)
    pinned = await search.pin(PUBLISHER, "handbook@draft")
    shelf.versions.has_tables = False

    with pytest.raises(NotFound):
        await search.at(PUBLISHER, pinned, "cats", SearchOptions(limit=3))


async def test_a_blank_query_is_refused(search: Search) -> None:
    with pytest.raises(InvalidRequest):
        await search(READER, corpus="handbook", query=" \n", options=SearchOptions(limit=3))


async def test_a_query_without_words_is_left_to_the_dense_side(search: Search) -> None:
    found = await search(READER, corpus="handbook", query="?!", options=SearchOptions(limit=3))

    assert {one.sparse_score for one in found.passages} == {0.0}


async def test_the_frequencies_of_a_version_are_read_once(search: Search, shelf: Shelf) -> None:
    for query in ("cats", "dogs"):
        await search(READER, corpus="handbook", query=query, options=SearchOptions(limit=3))

    assert shelf.versions.tables_read == 1


async def test_every_stage_is_timed(search: Search) -> None:
    found = await search(READER, corpus="handbook", query="cats", options=SearchOptions(limit=3))

    assert set(found.timings_ms) == {"embed", "encode", "index", "fusion", "passages", "total"}


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
