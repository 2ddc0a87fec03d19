"""Clusters by average linkage: against scipy's, and what holds for all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.ports.vectors import DenseVector
from rag_service.use_cases.average_linkage import clusters_of


def units(count: int, seed: int) -> DenseVector:
    drawn = np.random.default_rng(seed).normal(size=(count, 6))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)


@given(st.integers(2, 60), st.integers(0, 10_000), st.floats(-0.2, 0.9))
def test_the_clusters_are_those_of_scipy(count: int, seed: int, similarity: float) -> None:
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy", reason="scipy is not installed")
    vectors = units(count, seed)
    apart = (1 - vectors.astype(np.float64) @ vectors.T)[np.triu_indices(count, 1)]
    labels = hierarchy.fcluster(hierarchy.linkage(apart.clip(0), "average"), 1 - similarity, "distance")

    found = {frozenset(cluster) for cluster in clusters_of(vectors, similarity=similarity)}

    assert found == {frozenset(np.flatnonzero(labels == label)) for label in labels}


@given(st.integers(1, 12), st.integers(2, 5), st.integers(0, 10_000))
def test_what_is_repeated_stays_together_and_nothing_gets_lost(count: int, copies: int, seed: int) -> None:
    vectors = np.repeat(units(count, seed), copies, axis=0)

    found = clusters_of(vectors, similarity=0.9999)

    assert sorted(place for cluster in found for place in cluster) == list(range(count * copies))
    assert all({place // copies for place in cluster} == {cluster[0] // copies} for cluster in found)


def test_no_vectors_make_no_clusters() -> None:
    assert clusters_of(np.empty((0, 0), dtype=np.float32), similarity=0.5) == []


def test_all_are_one_cluster_when_anything_will_do() -> None:
    assert sorted(*clusters_of(units(30, 1), similarity=-1)) == list(range(30))
