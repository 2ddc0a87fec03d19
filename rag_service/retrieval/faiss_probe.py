"""Looks at the start whether structures keep to what they may find, and compiles what searches are made of."""

from typing import get_args

import numpy as np

from rag_service.domain.access import EVERYONE, AccessScope
from rag_service.domain.ids import CorpusId, TenantId
from rag_service.errors import Misconfigured
from rag_service.ports.vector_index import Visible
from rag_service.ports.vectors import QueryVectors, SparseVector
from rag_service.retrieval.dense_structure import Allowed, Place
from rag_service.retrieval.faiss_dense import Kind, build_structure
from rag_service.retrieval.faiss_record import Record, Records, principals_text
from rag_service.retrieval.faiss_rows import Columns
from rag_service.retrieval.faiss_search import search_rows
from rag_service.retrieval.faiss_snapshot import Snapshot

_COUNT = 512
_DIMENSIONS = 8
_EVERY = 7
_WANTED = (5, 60)  # the library finds few and many by different code


def probe(place: Place) -> None:
    """Search small structures of every kind.

    Raises:
        Misconfigured: one found what it was not allowed to find.
    """
    vectors = np.random.default_rng(1).normal(size=(_COUNT, _DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    marks = np.arange(_COUNT) % _EVERY == 0
    allowed = Allowed(np.packbits(marks, bitorder="little"), int(marks.sum()))
    for kind in get_args(Kind):
        structure = place(build_structure(kind, vectors, stopped=lambda: False), vectors)
        # The nearest row by far is one that may not be found.
        found = [structure.search(vectors[1:2], wanted, allowed=allowed).rows[0] for wanted in _WANTED]
        if not all(marks[rows[rows >= 0]].all() for rows in found):
            raise Misconfigured(f"The structure {kind} finds what a search may not find: this FAISS cannot be used.")
    _warm_up(vectors)


def _warm_up(vectors: np.ndarray) -> None:
    columns, term = Columns(_DIMENSIONS), np.ones(1, dtype=np.uint32)
    everyone = principals_text({EVERYONE})
    for row, vector in enumerate(vectors[:2]):
        record = Record(
            row,
            str(row),
            "t",
            "c",
            "d",
            str(row),
            everyone,
            1,
            2,
            vector.tobytes(),
            term.tobytes(),
            vector[:1].tobytes(),
        )
        columns.append(Records.of([record]))
    columns.keep(np.arange(2))
    scope = AccessScope(tenant_id=TenantId("t"), principals=frozenset({EVERYONE}), permissions=frozenset())
    query = QueryVectors(dense=vectors[0], sparse=SparseVector(indices=term, values=np.ones(1, dtype=np.float32)))
    among = Visible(scope=scope, corpus_id=CorpusId("c"), version=1)
    for exact_below in (0, _COUNT):
        search_rows(Snapshot(columns.rows(), None), query, among=among, limit=1, exact_below=exact_below)
