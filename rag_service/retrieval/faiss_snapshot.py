"""A build as it is at one moment, and what its searches find out once for all that follow."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np

from rag_service.domain.ids import PointId
from rag_service.ports.vector_index import Visible
from rag_service.ports.vectors import DenseVector
from rag_service.retrieval.dense_structure import Allowed, DenseStructure
from rag_service.retrieval.faiss_names import Marks
from rag_service.retrieval.faiss_rows import Places, Rows, Wanted

_FILTERS_KEPT = 8  # each takes a byte and a bit for a row
_PLACES_KEPT = 10_000  # twice: those before them are kept too


class VisibleRows:
    """The rows that a search may find, and those of them that are among the first `structured`."""

    def __init__(self, marks: Marks, *, structured: int) -> None:
        self.marks = marks
        self.count = int(np.count_nonzero(marks))
        self._first = marks[:structured]

    @cached_property
    def allowed(self) -> Allowed:
        """Those that the structure may return: it is not asked where few rows match."""
        return Allowed(np.packbits(self._first, bitorder="little"), int(np.count_nonzero(self._first)))

    @property
    def places(self) -> Places:
        """Where they stand among all rows."""
        return np.flatnonzero(self.marks)


class Snapshot:
    """Rows, and a structure over the first ones of them; the others, written since, are scanned.

    Nothing of it changes, so what was found out of it stays true. Several threads may search.
    """

    def __init__(self, rows: Rows, structure: DenseStructure | None) -> None:
        self.rows = rows
        self.structure = structure
        self._filters = _Filters(structured=structure.size if structure else 0)
        self._found = _Found()

    def visible(self, among: Visible) -> VisibleRows | None:
        """Return the rows that a search may find; None when no row is in its scope."""
        wanted = self.rows.wanted(among)
        return None if wanted is None else self._filters.visible(self.rows, wanted)

    def remember(self, points: Iterable[PointId], places: Places) -> None:
        """Note where points stand that a search found: they are likely to be asked for next."""
        self._found.add(zip(points, places.tolist(), strict=True))

    def remembered(self, points: Sequence[PointId]) -> dict[PointId, int]:
        """Return the places of those of the points that a search found lately."""
        return self._found.of(points)

    def vectors_at(self, places: Mapping[PointId, int]) -> dict[PointId, DenseVector]:
        """Return the vectors of points by their places."""
        return dict(zip(places, self.rows.vectors[list(places.values())], strict=True))


class _Filters:
    """What the last filters let through. Of people with the same rights one filter is kept."""

    def __init__(self, *, structured: int) -> None:
        self._structured = structured
        self._kept: OrderedDict[Hashable, VisibleRows] = OrderedDict()
        self._lock = threading.Lock()

    def visible(self, rows: Rows, wanted: Wanted) -> VisibleRows:
        if (key := wanted.key) is None:
            return self._new(rows, wanted)
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
        visible = self._new(rows, wanted)
        with self._lock:
            self._kept[key] = visible
            if len(self._kept) > _FILTERS_KEPT:
                self._kept.popitem(last=False)
        return visible

    def _new(self, rows: Rows, wanted: Wanted) -> VisibleRows:
        return VisibleRows(rows.marks(wanted), structured=self._structured)


class _Found:
    """Places of points by id: the last ones, in two halves of which the older is dropped when the newer is full."""

    def __init__(self) -> None:
        self._newer: dict[PointId, int] = {}
        self._older: dict[PointId, int] = {}

    def add(self, places: Iterable[tuple[PointId, int]]) -> None:
        # Threads may lose what another one adds at this moment: then it is asked of the file.
        if len(self._newer) > _PLACES_KEPT:
            self._older, self._newer = self._newer, {}
        self._newer.update(places)

    def of(self, points: Sequence[PointId]) -> dict[PointId, int]:
        newer, older = self._newer, self._older
        places = ((point, newer.get(point, older.get(point))) for point in points)
        return {point: place for point, place in places if place is not None}
