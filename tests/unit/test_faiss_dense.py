from typing import get_args

import numpy as np
import pytest

from rag_service.errors import IndexUnavailable, Misconfigured
from rag_service.retrieval.dense_structure import Allowed, CpuStructure, DenseStructure, Neighbours
from rag_service.retrieval.faiss_dense import Kind, build_structure, kind_for
from rag_service.retrieval.faiss_probe import probe

KINDS = get_args(Kind)
COUNT, DIMENSIONS = 3_000, 16


def vectors(count: int = COUNT, *, seed: int = 1):
    drawn = np.random.default_rng(seed).normal(size=(count, DIMENSIONS)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def allowed(marks) -> Allowed:
    return Allowed(np.packbits(marks, bitorder="little"), int(marks.sum()))


def build(kind: Kind):
    return build_structure(kind, vectors(), stopped=lambda: False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.003, 0.03, 0.3, 1.0])
def test_the_nearest_of_what_is_allowed_are_found_whatever_its_share(kind: Kind, share: float) -> None:
    marks, asked = np.random.default_rng(2).random(COUNT) < share, vectors(50, seed=3)

    structure = build(kind)
    found = structure.search(asked, int(20 * structure.oversampling), allowed=allowed(marks)).rows

    nearest = np.argsort(np.where(marks, -(asked @ vectors().T), 2), axis=1)[:, : min(5, marks.sum())]
    recall = np.mean([len(set(best) & set(rows)) / len(best) for best, rows in zip(nearest, found, strict=True)])
    assert recall >= 0.98
    assert all(marks[rows[rows >= 0]].all() for rows in found)


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_is_allowed_where_nothing_is_said(kind: Kind) -> None:
    structure = build(kind)
    found = structure.search(vectors()[:5], int(4 * structure.oversampling), allowed=None)

    assert all(row in rows for row, rows in enumerate(found.rows))
    assert found.scores[:, 0] == pytest.approx(1.0, abs=0.3 if kind == "ivf" else 0.01)


def test_rows_far_from_the_question_are_found_where_no_others_are_allowed() -> None:
    around = np.repeat(np.eye(DIMENSIONS, dtype=np.float32), 800, axis=0)
    near_one_another = around + 0.1 * np.resize(vectors(), around.shape)
    marks = np.arange(len(around)) >= len(around) - 800

    found = build_structure("ivf", near_one_another, stopped=lambda: False).search(
        around[:1], 500, allowed=allowed(marks)
    )

    assert len(set(found.rows[0].tolist())) == 500 and marks[found.rows[0]].all()


@pytest.mark.parametrize("dimensions", [2, 3, 7])
def test_few_vectors_are_found_by_their_codes(dimensions: int) -> None:
    few = np.eye(dimensions, dtype=np.float32)

    found = build_structure("ivf", few, stopped=lambda: False).search(few, 1, allowed=None)

    assert found.rows[:, 0].tolist() == list(range(dimensions))


def test_a_large_build_gets_lists_by_itself() -> None:
    assert [kind_for(count, "auto") for count in (1, 49_999, 50_000)] == ["flat", "flat", "ivf"]
    assert kind_for(1, "ivf") == "ivf"


def test_a_rebuild_that_is_stopped_is_given_up() -> None:
    with pytest.raises(IndexUnavailable, match="given up"):
        build_structure("flat", vectors(), stopped=lambda: True)


def test_an_error_of_the_library_is_told_as_an_index_that_is_unavailable() -> None:
    with pytest.raises(IndexUnavailable, match="FAISS could not search"):
        build("flat").search(np.ones((1, DIMENSIONS + 1), dtype=np.float32), 1, allowed=None)


def test_a_structure_that_ignores_what_is_allowed_is_not_used() -> None:
    class Careless:
        def __init__(self, structure: CpuStructure) -> None:
            self._structure = structure
            self.size = structure.size
            self.oversampling = structure.oversampling

        def search(self, asked, limit: int, *, allowed: Allowed | None) -> Neighbours:
            return self._structure.search(asked, limit, allowed=None)

    def careless(structure: CpuStructure, _) -> DenseStructure:
        return Careless(structure)

    with pytest.raises(Misconfigured, match="finds what a search may not find"):
        probe(careless)
