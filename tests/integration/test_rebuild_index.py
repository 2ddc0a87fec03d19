"""A build of the index is written anew from kept vectors alone."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from rag_service.embedding.hashing import HashingEmbedder
from rag_service.errors import EmbedderUnavailable, NotFound
from rag_service.ports.vectors import DenseVector
from rag_service.use_cases.indexes.rebuild_index import RebuildIndex
from tests.integration.engines import DOCUMENTS, ENGINES, Engines, engines_opened


@pytest.fixture(params=ENGINES)
async def engines(
    request: pytest.FixtureRequest, migrated_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engines]:
    async with engines_opened(migrated_dir, monkeypatch, request.param) as opened:
        yield opened


def rebuilding(engines: Engines) -> RebuildIndex:
    return RebuildIndex(index=engines.index, reconcile=engines.desk.worker.container.reconcile)


async def _refuse(_self: HashingEmbedder, texts: Sequence[str]) -> DenseVector:
    raise EmbedderUnavailable(f"{len(texts)} texts were to be embedded.")


async def test_nothing_is_embedded_and_the_same_is_found(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await engines.answers()
    monkeypatch.setattr(HashingEmbedder, "embed_passages", _refuse)

    found = await rebuilding(engines)(engines.build)

    assert [(each.found, each.mended) for each in found] == [(DOCUMENTS, DOCUMENTS)]
    assert await engines.answers() == before


async def test_what_was_found_before_a_rebuild_is_asked_anew(engines: Engines) -> None:
    before = await engines.epochs()

    await rebuilding(engines)(engines.build)

    assert await engines.epochs() > before


async def test_a_build_that_is_not_there_is_not_rebuilt(engines: Engines) -> None:
    with pytest.raises(NotFound):
        await rebuilding(engines)("0" * 32)
