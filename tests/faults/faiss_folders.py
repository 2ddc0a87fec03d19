"""FAISS over the folder of a test, opened again and again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag_service.retrieval.faiss_index import FaissIndex

BUILD = "build"
Opened = Callable[..., FaissIndex]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens the folder of the test; closed where it is still open."""
    indexes: list[FaissIndex] = []

    def open_again(**options) -> FaissIndex:
        for index in indexes:
            index.close()
        indexes[:] = [FaissIndex(tmp_path, exact_below=0, **options)]
        return indexes[0]

    yield open_again
    for index in indexes:
        index.close()
