"""What is said of a configuration whose parts cannot be opened."""

import sys
from pathlib import Path

import pytest

from rag_service.bootstrap import open_container
from rag_service.errors import Misconfigured
from rag_service.settings import QdrantSettings, RetrievalSettings, Settings


async def test_a_backend_that_is_not_installed_is_told_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, migrated_dir: Path
) -> None:
    monkeypatch.setitem(sys.modules, "qdrant_client", None)
    monkeypatch.delitem(sys.modules, "rag_service.retrieval.qdrant_server", raising=False)
    retrieval, server = RetrievalSettings(backend="qdrant"), QdrantSettings(url="http://127.0.0.1:1")

    with pytest.raises(Misconfigured, match=r"qdrant_client is not installed: pip install 'rag-service\[qdrant\]'"):
        async with open_container(Settings(data_dir=migrated_dir, retrieval=retrieval, qdrant=server)):
            pass
