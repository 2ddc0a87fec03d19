"""Parts of older builds, opened from their recipes."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from ingestion.filling import open_chunker
from rag_service.domain.builds import Build, BuildState
from rag_service.domain.fingerprints import BuildFingerprint
from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.embedding.build_parts import OpenedEmbedder, PartsByRecipe
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.embedding.recipes import embedding_settings, recipe_of
from rag_service.errors import Conflict, EmbedderUnavailable
from rag_service.ports.embedder import Embedder
from rag_service.settings import EmbeddingSettings
from tests.build_parts import CHUNKER, NothingKept, own_parts

OWN = HashingEmbedder(32)


class Openings:
    """Opens hashing embedders, and notes which and what became of them."""

    def __init__(self) -> None:
        self.opened: list[EmbeddingSettings] = []
        self.closed = 0
        self.has_model = True

    def __call__(self, settings: EmbeddingSettings) -> OpenedEmbedder:
        if settings.backend != "hashing":
            raise EmbedderUnavailable("The model gone is not here.")
        self.opened.append(settings)
        embedder = HashingEmbedder(settings.dimensions)
        return OpenedEmbedder(
            embedder=embedder, count_tokens=embedder.count_tokens, close=self._close, has_model=self.has_model
        )

    async def _close(self) -> None:
        self.closed += 1


def fingerprint_of(embedder: Embedder, *, sparse: Bm25Encoder | None = None, **chunker: Any) -> BuildFingerprint:
    return BuildFingerprint(
        embedder=embedder.fingerprint,
        sparse=(sparse or Bm25Encoder()).fingerprint,
        chunker=replace(CHUNKER, **chunker),
    )


def build(
    dimensions: int, *, recipe: Mapping[str, Any] | None = None, sparse: Bm25Encoder | None = None, **chunker: Any
) -> Build:
    made = fingerprint_of(HashingEmbedder(dimensions), sparse=sparse, **chunker)
    settings = EmbeddingSettings(backend="hashing", dimensions=dimensions)
    return Build(
        corpus_id=CorpusId("vs_1"),
        fingerprint=made.digest,
        recipe=recipe_of(settings, made) if recipe is None else recipe,
        state=BuildState.READY,
        since=0,
        synced=1,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def openings() -> Openings:
    return Openings()


@pytest.fixture
def parts(openings: Openings) -> PartsByRecipe:
    return PartsByRecipe(
        own=own_parts(fingerprint_of(OWN).digest, OWN).own,
        settings=EmbeddingSettings(backend="hashing", dimensions=32),
        open_embedder=openings,
        open_sparse_encoder=Bm25Encoder.of,
        kept=NothingKept(),
    )


async def test_the_own_build_is_never_opened_again(parts: PartsByRecipe, openings: Openings) -> None:
    assert await parts.of(build(32)) is parts.own
    assert openings.opened == []


async def test_another_build_is_opened_once_and_embeds_as_it_did(parts: PartsByRecipe, openings: Openings) -> None:
    older = build(16)

    found = await asyncio.gather(*(parts.of(older) for _ in range(5)))

    assert {one.fingerprint for one in found} == {older.fingerprint}
    assert (await found[0].embedder.embed_query("snow")).shape == (16,)
    assert len(openings.opened) == 1


async def test_a_build_with_another_way_of_cutting_shares_the_own_model(
    parts: PartsByRecipe, openings: Openings
) -> None:
    found = await parts.of(build(32, target_tokens=64))

    assert found.embedder is parts.own.embedder
    assert found.chunker.target_tokens == 64
    assert openings.opened == []


async def test_one_model_is_in_memory_beside_the_own_one(parts: PartsByRecipe, openings: Openings) -> None:
    for dimensions in (8, 16, 8):
        await parts.of(build(dimensions))

    assert [settings.dimensions for settings in openings.opened] == [8, 16, 8]


async def test_what_a_query_began_with_goes_on_when_another_model_takes_its_place(
    parts: PartsByRecipe, openings: Openings
) -> None:
    held = await parts.of(build(8))
    await parts.of(build(16))

    assert (await held.embedder.embed_query("snow")).shape == (8,)
    assert openings.closed == 0


async def test_what_keeps_no_model_in_memory_stays_open_to_the_end(parts: PartsByRecipe, openings: Openings) -> None:
    openings.has_model = False
    for dimensions in (8, 16, 8):
        await parts.of(build(dimensions))

    await parts.aclose()

    assert len(openings.opened) == 2
    assert openings.closed == 2


async def test_a_model_that_is_gone_is_named_with_its_setting(parts: PartsByRecipe) -> None:
    older = build(16)
    gone = replace(older, recipe={**older.recipe, "embedding": {**older.recipe["embedding"], "backend": "onnx"}})

    with pytest.raises(Conflict, match=r"RAG_EMBEDDING__MODEL=.* cannot be opened any more"):
        await parts.of(gone)


async def test_a_model_that_is_another_one_now_is_refused(parts: PartsByRecipe) -> None:
    older = build(16)
    changed = replace(older, recipe={**older.recipe, "embedding": {**older.recipe["embedding"], "dimensions": 17}})

    with pytest.raises(Conflict, match="another model now"):
        await parts.of(changed)


async def test_a_build_with_other_constants_of_bm25_is_asked_with_these(parts: PartsByRecipe) -> None:
    older = build(32, sparse=Bm25Encoder(k1=1.5, b=0.75))

    found = await parts.of(older)

    assert found.sparse_encoder.fingerprint == older.recipe["sparse"] != Bm25Encoder().fingerprint
    assert found.embedder is parts.own.embedder


async def test_sparse_vectors_of_another_release_are_refused(parts: PartsByRecipe) -> None:
    older = build(16)
    changed = replace(older, fingerprint=Fingerprint("f"), recipe={**older.recipe, "sparse": "bm25-0"})

    with pytest.raises(Conflict, match="sparse"):
        await parts.of(changed)


async def test_a_build_without_a_recipe_is_refused_with_what_to_do(parts: PartsByRecipe) -> None:
    with pytest.raises(Conflict, match="Start the service once"):
        await parts.of(build(16, recipe={}))


async def test_texts_cut_by_another_release_cannot_be_cut_again(parts: PartsByRecipe) -> None:
    found = await parts.of(build(32, name="headings-1"))

    with pytest.raises(Conflict, match="headings-1"):
        open_chunker(found)


async def test_a_chunker_cuts_as_the_recipe_says(parts: PartsByRecipe) -> None:
    found = await parts.of(build(16, target_tokens=64, heading_prefix=False))

    assert open_chunker(found).fingerprint == found.chunker


def test_a_recipe_holds_no_secrets() -> None:
    settings = EmbeddingSettings(
        backend="openai", base_url="https://user:hidden@models.test/v1", api_key=SecretStr("hidden")
    )

    recipe = recipe_of(settings, fingerprint_of(OWN))

    assert "hidden" not in str(recipe)
    assert recipe["embedding"]["base_url"] == "https://models.test/v1"
    assert recipe["embedder"] == asdict(OWN.fingerprint)


@pytest.mark.parametrize(("address", "key"), [("https://models.test/v1", "secret"), ("https://elsewhere.test/v1", "")])
def test_a_key_is_sent_only_to_the_address_that_it_was_given_for(address: str, key: str) -> None:
    noted = recipe_of(EmbeddingSettings(backend="openai", base_url="https://models.test/v1"), fingerprint_of(OWN))
    current = EmbeddingSettings(base_url=address, api_key=SecretStr("secret"), threads=3)

    opened = embedding_settings(noted, current)

    assert opened.api_key.get_secret_value() == key
    assert (opened.backend, opened.base_url, opened.threads) == ("openai", "https://models.test/v1", 3)
