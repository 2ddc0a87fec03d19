from collections.abc import Iterator

import faiss
import numpy as np
import pytest

from rag_service.retrieval.faiss_dense import build_structure
from rag_service.retrieval.picked_vectors import PickedVectors

# So many that a graph is walked, and that they are gathered in two parts.
VECTORS = np.random.default_rng(1).normal(size=(13_000, 16)).astype(np.float32)
PLACES = np.flatnonzero(np.arange(len(VECTORS)) % 3)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Several link a graph in an order of their own each time."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(before)


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf"])
def test_a_structure_of_picked_vectors_is_that_of_a_copy_of_them(kind: str, one_thread) -> None:
    picked, copied = (
        build_structure(kind, vectors, stopped=lambda: False)
        for vectors in (PickedVectors(VECTORS, PLACES), VECTORS[PLACES])
    )

    faiss.cvar.hnsw_stats.reset()
    found, wanted = (each.search(VECTORS[:50], 5, allowed=None) for each in (picked, copied))

    assert picked.size == len(PLACES)
    assert (faiss.cvar.hnsw_stats.n1 > 0) == (kind == "hnsw")
    assert found.rows.tolist() == wanted.rows.tolist()


def test_only_what_is_asked_for_is_gathered() -> None:
    picked = PickedVectors(VECTORS, PLACES)

    assert picked[10:12].tolist() == VECTORS[PLACES[10:12]].tolist()
    assert picked.shape == (len(picked), 16)
