"""What a question quotes or names is found whatever the vectors of its passages say."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from random import Random

import numpy as np
import pytest

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Passage
from rag_service.domain.exact_terms import exact_terms, folded
from rag_service.domain.ids import ChunkId, CorpusId, Fingerprint
from rag_service.domain.versions import PinnedVersion
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.ports.sparse_encoder import DocumentFrequencies, frequencies_of
from rag_service.ports.vectors import SparseVector
from rag_service.retrieval.fusion import fuse
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import RetrievalSettings
from rag_service.use_cases.search import Search
from rag_service.use_cases.searching.exact_matches import exact_first
from rag_service.use_cases.searching.options import SearchOptions
from tests.build_parts import own_parts
from tests.unit.shelf import BUILD, READER, Editions, Shelf, point
from tests.values import passage

CHUNKS = 20_000
NAMING, QUOTED = 12_345, 4_321
WORDS = "error code pump mean when starting valve the of is closed open slowly before pressure service unit log line".split()
DIMENSIONS = 8


@cache
def texts() -> list[str]:
    chance = Random(3)  # noqa: S311  (not for secrets)
    made = [f"{' '.join(chance.choices(WORDS, k=14))} E-{chance.randint(5000, 9999)}" for _ in range(CHUNKS)]
    made[NAMING] = "E-4711: the bearing is worn out, replace it"
    made[QUOTED] = f"{' '.join(chance.choices(WORDS, k=30))} the line of the\nvalve is of the pump {' '.join(WORDS)}"
    return made


@cache
def sparse_vectors() -> list[SparseVector]:
    return [Bm25Encoder().encode_passage(text) for text in texts()]


class Library(Shelf):
    """A catalog of the texts, all in one version; documents have odd and even numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.versions = Printed()

    async def passages(
        self, scope: AccessScope, corpus_id: CorpusId, version: int, chunk_ids: Sequence[ChunkId]
    ) -> dict[ChunkId, Passage]:
        return {name: stored(name) for name in chunk_ids}

    async def containing(
        self, scope: AccessScope, pinned: PinnedVersion, words: Sequence[str], *, limit: int
    ) -> list[Passage]:
        phrase = " ".join(words)
        return [stored(ChunkId(f"{at}")) for at, text in enumerate(texts()) if phrase in folded(text)][:limit]


class Printed(Editions):
    """The frequencies of the texts."""

    async def frequencies(
        self, scope: AccessScope, corpus_id: CorpusId, number: int, fingerprint: Fingerprint
    ) -> DocumentFrequencies | None:
        return frequencies_of(sparse_vectors())


def stored(name: ChunkId) -> Passage:
    return replace(passage(texts()[int(name)], rank=0, score=0), chunk_id=name)


async def search_against(question: str) -> Search:
    """Return a search in which the dense side puts the two passages wanted last."""
    index, asked = MemoryIndex(), await HashingEmbedder(DIMENSIONS).embed_query(question)
    noise = np.random.default_rng(5).normal(scale=0.01, size=(CHUNKS, DIMENSIONS)).astype(np.float32)
    points = [
        point(f"{at}", dense=(-asked if at in (NAMING, QUOTED) else asked) + noise[at], sparse=sparse)
        for at, sparse in enumerate(sparse_vectors())
    ]
    await index.write(BUILD, points)
    parts = own_parts(BUILD, HashingEmbedder(DIMENSIONS))
    return Search(catalog=Library(), index=index, build_parts=parts, fuse=fuse, settings=RetrievalSettings())


@pytest.mark.parametrize("name", ["E-4711", "e4711"])
async def test_an_error_code_is_found_against_the_dense_side(name: str) -> None:
    question = f"What does error code {name} mean when the pump is starting?"
    search = await search_against(question)

    found = await search(READER, corpus="handbook", query=question, options=SearchOptions(limit=3))

    assert f"{NAMING}" in {one.chunk_id for one in found.passages}


async def test_a_quoted_phrase_of_common_words_is_found_first() -> None:
    question = 'Which unit says "the line of the valve is of the pump" in its log?'
    search = await search_against(question)

    found = await search(READER, corpus="handbook", query=question, options=SearchOptions(limit=3))

    assert found.passages[0].chunk_id == f"{QUOTED}"
    assert [one.rank for one in found.passages] == [1, 2, 3]


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["x", "E-1", "y", "E-1"], [0, 1, 2, 3]),
        (["x", "y", "z", "v", "E-1", "E-1"], [0, 1, 4, 2, 3, 5]),
        (["x", "y", "z", "E-1", "F-2"], [0, 3, 4, 1, 2]),
        (["x", "y", "z", "E-1 F-2"], [0, 1, 3, 2]),
        (["x", "E-1", "y", "red fox"], [3, 0, 1, 2]),
        (["red fox", "a red  FOX", "E-1 red fox", "x"], [0, 1, 2, 3]),
        (["x"], [0]),
        ([], []),
    ],
)
def test_phrases_come_first_and_each_name_is_among_the_first_three(texts: list[str], order: list[int]) -> None:
    found = [passage(text, rank=rank) for rank, text in enumerate(texts)]

    ordered = exact_first(found, exact_terms('Is "red fox" E-1 or F-2?'))

    assert [one.chunk_id for one in ordered] == [f"chunk-{rank}" for rank in order]


def test_what_comes_forward_is_scored_as_well_as_what_follows() -> None:
    texts = ["x", "y", "z", "E-1", "red fox"]
    found = [passage(text, rank=rank, score=(9 - rank) / 10) for rank, text in enumerate(texts)]

    ordered = exact_first(found, exact_terms('Is "red fox" E-1?'))

    assert [(one.text, one.score) for one in ordered] == [
        ("red fox", 0.9),
        ("x", 0.9),
        ("y", 0.8),
        ("E-1", 0.7),
        ("z", 0.7),
    ]
