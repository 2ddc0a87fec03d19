import numpy as np
import pytest

from rag_service.retrieval.faiss_dense import build_structure
from rag_service.retrieval.picked_vectors import PickedVectors

VECTORS = np.random.default_rng(1).normal(size=(4_000, 16)).astype(np.float32)
PLACES = np.flatnonzero(np.arange(len(VECTORS)) % 3)


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf"])
def test_a_structure_of_picked_vectors_is_that_of_a_copy_of_them(kind: str) -> None:
    picked, copied = (
        build_structure(kind, vectors, stopped=lambda: False)
        for vectors in (PickedVectors(VECTORS, PLACES), VECTORS[PLACES])
    )

    found, wanted = (each.search(VECTORS[:50], 5, allowed=None) for each in (picked, copied))

    assert picked.size == len(PLACES)
    assert found.rows.tolist() == wanted.rows.tolist()


def test_only_what_is_asked_for_is_gathered() -> None:
    picked = PickedVectors(VECTORS, PLACES)

    assert picked[10:12].tolist() == VECTORS[PLACES[10:12]].tolist()
    assert picked.shape == (len(picked), 16)
