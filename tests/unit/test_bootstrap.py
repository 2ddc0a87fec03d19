"""What is said of a configuration whose parts cannot be opened."""

import sys
from pathlib import Path

import pytest

from rag_service.bootstrap import open_container
from rag_service.errors import Misconfigured
from rag_service.settings import EmbeddingSettings, QdrantSettings, RerankSettings, RetrievalSettings, Settings


async def test_a_backend_that_is_not_installed_is_told_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, migrated_dir: Path
) -> None:
    monkeypatch.setitem(sys.modules, "qdrant_client", None)
    monkeypatch.delitem(sys.modules, "rag_service.retrieval.qdrant_server", raising=False)
    retrieval, server = RetrievalSettings(backend="qdrant"), QdrantSettings(url="http://127.0.0.1:1")

    with pytest.raises(Misconfigured, match=r"qdrant_client is not installed: pip install 'rag-service\[qdrant\]'"):
        async with open_container(Settings(data_dir=migrated_dir, retrieval=retrieval, qdrant=server)):
            pass


@pytest.mark.parametrize("backend", ["late_interaction", "cross_encoder", "endpoint", "words"])
async def test_a_reranker_is_opened_without_loading_its_model(migrated_dir: Path, backend: str) -> None:
    rerank = RerankSettings(backend=backend, model="m", base_url="http://127.0.0.1:1")
    settings = Settings(data_dir=migrated_dir, retrieval=RetrievalSettings(backend="memory"), rerank=rerank)

    async with open_container(settings) as container:
        assert container.rerank and sum(container.rerank.ended.values()) == 0


async def test_late_interaction_needs_the_tokens_of_a_model_of_its_own_process(migrated_dir: Path) -> None:
    settings = Settings(
        data_dir=migrated_dir,
        retrieval=RetrievalSettings(backend="memory"),
        embedding=EmbeddingSettings(backend="hashing"),
        rerank=RerankSettings(backend="late_interaction"),
    )

    with pytest.raises(Misconfigured, match="RAG_EMBEDDING__BACKEND=onnx"):
        async with open_container(settings):
            pass
