"""The rows of a build in memory: columns of numbers, and which of them a search may find.

A row is known by its place; gone rows keep theirs until the build is rebuilt.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.ids import PointId
from rag_service.ports.vector_index import Visible
from rag_service.ports.vectors import DenseVector
from rag_service.retrieval.compiled import compiled
from rag_service.retrieval.faiss_names import Marks, Names
from rag_service.retrieval.faiss_record import FLOATS, TERMS, Records
from rag_service.retrieval.growing_array import GrowingArray
from rag_service.retrieval.postings import Segment, Segments, renumbered, segment_of, with_segment

_GONE = -1
_LAST = 2**31 - 1  # stands for every later version, and for what has no end
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """Which rows a search may find, in the codes of their names; `readers` and `documents` have a mark for each code."""

    scope: int
    version: int
    readers: Marks | None
    documents: Marks | None

    @property
    def key(self) -> Hashable | None:
        """Equal for those who want the same of the same rows; None where that hardly happens: each names its documents."""
        if self.documents is not None:
            return None
        return self.scope, self.version, None if self.readers is None else self.readers.tobytes()


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

    def places_of(self, numbers: Mapping[PointId, int]) -> dict[PointId, int]:
        """Return the places of points by the numbers of their rows; those that have no row here are left out."""
        places, there = _places(self.numbers, np.array(list(numbers.values()), dtype=np.int64))
        found = zip(numbers, places.tolist(), there.tolist(), strict=True)
        return {point_id: place for point_id, place, is_there in found if is_there}

    def wanted(self, among: Visible) -> Wanted | None:
        """Return how these rows are asked for what a search may find; None when that is no row at all."""
        scope = among.scope
        code = self.names.scope(scope.tenant_id, among.corpus_id)
        if code is None or not scope.covers(among.corpus_id):
            return None
        # Names are looked up after the rows were taken, so that there is a mark for each code in them.
        return Wanted(
            scope=code,
            version=min(among.version, _LAST - 1),
            readers=None if scope.sees_all_documents else self.names.readers_of(scope.principals),
            documents=None if among.documents is None else self.names.marks_of(among.documents),
        )

    def marks(self, wanted: Wanted) -> Marks:
        """Return for each row whether it is wanted."""
        marks = np.empty(len(self.numbers), dtype=np.bool_)
        _mark(self.scopes, wanted.scope, self.born, self.died, wanted.version, marks)
        for codes, each in ((self.readers, wanted.readers), (self.documents, wanted.documents)):
            if each is not None:
                _unmark(codes, each, marks)
        return marks


class Columns:
    """The rows as they grow and change, by one thread."""

    def __init__(self, dimensions: int, *, expected: int = 0) -> None:
        self._names = Names()
        self._numbers = GrowingArray(np.int64, expected=expected)
        self._scopes, self._documents, self._readers, self._born, self._died = (
            GrowingArray(np.int32, expected=expected) for _ in range(5)
        )
        self._point_ids, self._chunk_ids = (GrowingArray("S1", expected=expected) for _ in range(2))
        self._lengths = GrowingArray(np.float64, expected=expected)
        self._vectors = GrowingArray(np.float32, dimensions, expected=expected)
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

    def append(self, records: Records) -> None:
        """Add rows at the end; their numbers ascend."""
        first, names = len(self._numbers.values), self._names
        vectors = np.frombuffer(b"".join(records.dense), dtype=FLOATS).reshape(len(records.row), -1)
        self._numbers.append(np.array(records.row, dtype=np.int64))
        self._scopes.append(names.new_scopes(records.tenant_id, records.corpus_id))
        self._documents.append(names.new_documents(records.document_id))
        self._readers.append(names.new_readers(records.principals))
        self._born.append(_clipped(records.born))
        self._died.append(_clipped(records.died))
        self._point_ids.append(_encoded(records.id))
        self._chunk_ids.append(_encoded(records.chunk_id))
        self._lengths.append(np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)))
        self._vectors.append(vectors)
        self._postings = with_segment(self._postings, _segment(records, first))

    def set_died(self, numbers: Sequence[int], died: int) -> None:
        self._died.set(self._places(numbers), min(died, _LAST))

    def set_principals(self, numbers: Sequence[int], principals: str) -> None:
        [code] = self._names.new_readers([principals])
        self._readers.set(self._places(numbers), code)

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
        places, there = _places(self._numbers.values, np.array(numbers, dtype=np.int64))
        return places[there]


def _places(known: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[Places, Marks]:
    """Return where each of the wanted numbers stands among those known, which ascend, and whether it does."""
    places = np.searchsorted(known, wanted)
    there = places < len(known)
    there[there] = known[places[there]] == wanted[there]
    return places, there


def _clipped(versions: Sequence[int]) -> NDArray[np.int32]:
    return np.minimum(np.array(versions, dtype=np.int64), _LAST).astype(np.int32)


def _encoded(ids: Sequence[str]) -> NDArray[np.bytes_]:
    return np.array([each.encode() for each in ids])


def _segment(records: Records, first: int) -> Segment:
    terms = np.frombuffer(b"".join(records.terms), dtype=TERMS)
    weights = np.frombuffer(b"".join(records.weights), dtype=FLOATS)
    counts = [len(each) // TERMS.itemsize for each in records.terms]
    return segment_of(np.repeat(np.arange(first, first + len(counts), dtype=np.int32), counts), terms, weights)


@compiled
def _mark(
    scopes: NDArray[np.int32],
    scope: int,
    born: NDArray[np.int32],
    died: NDArray[np.int32],
    version: int,
    marks: Marks,
) -> None:
    for row in range(marks.size):
        marks[row] = (scopes[row] == scope) & (born[row] <= version) & (version < died[row])


@compiled
def _unmark(codes: NDArray[np.int32], wanted: Marks, marks: Marks) -> None:
    for row in range(marks.size):
        marks[row] &= wanted[codes[row]]
