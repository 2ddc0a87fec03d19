"""The rows of a build in memory: columns of numbers, and which of them a search may find.

A row is known by its place; gone rows keep theirs until the build is rebuilt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.versions import OPEN
from rag_service.ports.vector_index import Visible
from rag_service.ports.vectors import DenseVector
from rag_service.retrieval.compiled import compiled
from rag_service.retrieval.faiss_names import Names
from rag_service.retrieval.faiss_record import FLOATS, TERMS, Record
from rag_service.retrieval.growing_array import GrowingArray
from rag_service.retrieval.postings import Segment, Segments, renumbered, segment_of, with_segment

_GONE = -1
_LAST = 2**31 - 1
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """All rows as they were at one moment, in parallel arrays; no later change shows in them."""

    numbers: NDArray[np.int64]
    scopes: NDArray[np.int32]
    documents: NDArray[np.int32]
    readers: NDArray[np.int32]
    born: NDArray[np.int32]
    died: NDArray[np.int32]
    point_ids: NDArray[np.bytes_]
    chunk_ids: NDArray[np.bytes_]
    lengths: NDArray[np.float64]
    vectors: DenseVector
    postings: Segments
    names: Names

    @property
    def live(self) -> Places:
        """The places of rows that are not gone."""
        return np.flatnonzero(self.scopes != _GONE)

    def visible(self, among: Visible) -> NDArray[np.bool_]:
        """Return for each row whether a search may find it."""
        scope = among.scope
        marks = np.zeros(len(self.numbers), dtype=np.bool_)
        code = self.names.scope(scope.tenant_id, among.corpus_id)
        if code is None or not scope.covers(among.corpus_id):
            return marks
        readers = None if scope.sees_all_documents else self.names.readers_of(scope.principals)
        documents = None if among.documents is None else self.names.marks_of(among.documents)
        _mark(self.scopes, code, self.born, self.died, min(among.version, _LAST - 1), marks)
        # A name that came after these rows is in none of them.
        for codes, wanted in ((self.readers, readers), (self.documents, documents)):
            if wanted is not None:
                _unmark(codes, wanted, marks)
        return marks


class Columns:
    """The rows as they grow and change, by one thread."""

    def __init__(self, dimensions: int) -> None:
        self._names = Names()
        self._numbers = GrowingArray(np.int64)
        self._scopes, self._documents, self._readers, self._born, self._died = (
            GrowingArray(np.int32) for _ in range(5)
        )
        self._point_ids, self._chunk_ids = GrowingArray("S1"), GrowingArray("S1")
        self._lengths = GrowingArray(np.float64)
        self._vectors = GrowingArray(np.float32, dimensions)
        self._postings: Segments = ()

    def rows(self) -> Rows:
        """Return all rows as they are now, without copying them."""
        return Rows(
            numbers=self._numbers.values,
            scopes=self._scopes.values,
            documents=self._documents.values,
            readers=self._readers.values,
            born=self._born.values,
            died=self._died.values,
            point_ids=self._point_ids.values,
            chunk_ids=self._chunk_ids.values,
            lengths=self._lengths.values,
            vectors=self._vectors.values,
            postings=self._postings,
            names=self._names,
        )

    def append(self, records: Sequence[Record]) -> None:
        """Add rows at the end; their numbers ascend."""
        first, names = len(self._numbers.values), self._names
        vectors = np.frombuffer(b"".join(each.dense for each in records), dtype=FLOATS).reshape(len(records), -1)
        self._numbers.append(np.array([each.row for each in records], dtype=np.int64))
        self._scopes.append(_codes(names.new_scope(each.tenant_id, each.corpus_id) for each in records))
        self._documents.append(_codes(names.new_document(each.document_id) for each in records))
        self._readers.append(_codes(names.new_readers(each.principals) for each in records))
        self._born.append(_codes(min(each.born, _LAST) for each in records))
        self._died.append(_codes(_until(each.died) for each in records))
        self._point_ids.append(np.array([each.id.encode() for each in records]))
        self._chunk_ids.append(np.array([each.chunk_id.encode() for each in records]))
        self._lengths.append(np.linalg.norm(vectors.astype(np.float64), axis=1))
        self._vectors.append(vectors)
        self._postings = with_segment(self._postings, _segment(records, first))

    def set_died(self, numbers: Sequence[int], died: int) -> None:
        self._died.set(self._places(numbers), _until(died))

    def set_principals(self, numbers: Sequence[int], principals: str) -> None:
        self._readers.set(self._places(numbers), self._names.new_readers(principals))

    def remove(self, numbers: Sequence[int]) -> None:
        """Let rows be gone; those that there are not are left out."""
        self._scopes.set(self._places(numbers), _GONE)

    def keep(self, places: Places) -> None:
        """Keep the rows at `places` only, and number them anew in that order."""
        moved = np.full(len(self._numbers.values), -1, dtype=np.int32)
        moved[places] = np.arange(len(places))
        for column in (
            self._numbers, self._scopes, self._documents, self._readers, self._born, self._died,
            self._point_ids, self._chunk_ids, self._lengths, self._vectors,
        ):  # fmt: skip
            column.pick(places)
        self._postings = renumbered(self._postings, moved)

    def _places(self, numbers: Sequence[int]) -> Places:
        wanted, known = np.array(numbers, dtype=np.int64), self._numbers.values
        places = np.searchsorted(known, wanted)
        there = places < len(known)
        there[there] = known[places[there]] == wanted[there]
        return places[there]


def _until(died: int) -> int:
    return _LAST if died >= OPEN else min(died, _LAST)


def _codes(values: Iterable[int]) -> NDArray[np.int32]:
    return np.fromiter(values, dtype=np.int32)


def _segment(records: Sequence[Record], first: int) -> Segment:
    terms = np.frombuffer(b"".join(each.terms for each in records), dtype=TERMS)
    weights = np.frombuffer(b"".join(each.weights for each in records), dtype=FLOATS)
    counts = [len(each.terms) // TERMS.itemsize for each in records]
    return segment_of(np.repeat(np.arange(first, first + len(records), dtype=np.int32), counts), terms, weights)


@compiled
def _mark(
    scopes: NDArray[np.int32],
    scope: int,
    born: NDArray[np.int32],
    died: NDArray[np.int32],
    version: int,
    marks: NDArray[np.bool_],
) -> None:
    for row in range(marks.size):
        marks[row] = (scopes[row] == scope) & (born[row] <= version) & (version < died[row])


@compiled
def _unmark(codes: NDArray[np.int32], wanted: NDArray[np.bool_], marks: NDArray[np.bool_]) -> None:
    for row in range(marks.size):
        marks[row] = marks[row] and codes[row] < wanted.size and wanted[codes[row]]
