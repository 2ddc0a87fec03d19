"""A build in memory: its rows and the structure over them, for the one thread that changes the build."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag_service.errors import IndexUnavailable
from rag_service.retrieval.dense_structure import CpuStructure, DenseStructure, Place
from rag_service.retrieval.faiss_dense import library_errors
from rag_service.retrieval.faiss_files import SavedStructure
from rag_service.retrieval.faiss_load import load_rows
from rag_service.retrieval.faiss_rows import Columns
from rag_service.retrieval.faiss_snapshot import Snapshot
from rag_service.retrieval.faiss_store import RowStore

_TRY_AGAIN_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """Rows, and how searches see them."""

    columns: Columns
    snapshot: Snapshot

    def with_structure(self, structure: DenseStructure | None) -> "_Held":
        return _Held(self.columns, Snapshot(self.columns.rows(), structure))

    def let_go(self) -> "_Kept":
        structure, numbers = self.snapshot.structure, self.snapshot.rows.numbers
        return _Kept(structure, numbers[: structure.size if structure else 0])


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """What is kept while there are no rows: a structure, and the numbers of its rows."""

    structure: DenseStructure | None
    numbers: NDArray[np.int64]


class BuildMemory:
    """What of a build is in memory. Where it could not follow the disk, it lets the rows go and reads them again.

    Raises:
        IndexUnavailable: at construction, when the rows on disk are damaged or memory has no room for them.
    """

    def __init__(self, store: RowStore, saved: SavedStructure | None, place: Place) -> None:
        self._store = store
        self._place = place
        self._try_again_s = 0.0
        columns, fits = load_rows(store, saved.numbers if saved else None)
        structure = place(saved.structure, columns.rows().vectors[: saved.structure.size]) if saved and fits else None
        self._held: _Held | _Kept = _Held(columns, Snapshot(columns.rows(), structure))

    @property
    def snapshot(self) -> Snapshot | None:
        """The rows with every change that was acknowledged; None where they have to be read again."""
        held = self._held
        return held.snapshot if isinstance(held, _Held) else None

    def current(self) -> Snapshot:
        """Return the snapshot, read again where it has to be.

        Raises:
            IndexUnavailable: that failed, now or a moment ago.
        """
        return self._read().snapshot

    def follow(self, change: Callable[[Columns], None]) -> None:
        """Do to the rows what was done to those on disk, and let searches see it.

        Raises:
            IndexUnavailable: it came to no end. Disk has what memory lacks, so nothing of it is used any more.
        """
        with self._changed() as held:
            change(held.columns)
            self._held = held.with_structure(held.snapshot.structure)

    def replace(self, places: NDArray[np.int64], structure: CpuStructure | None) -> None:
        """Keep the rows at `places`, and search the first ones by `structure`.

        Raises:
            IndexUnavailable: as `follow`.
        """
        with self._changed() as held:
            if places.size < len(held.snapshot.rows.numbers):
                held.columns.keep(places)
            vectors = held.columns.rows().vectors
            placed = None if structure is None else self._place(structure, vectors[: structure.size])
            self._held = held.with_structure(placed)

    @contextmanager
    def _changed(self) -> Iterator[_Held]:
        held = self._read()
        try:
            with library_errors("follow a change"):
                yield held
        except BaseException:
            # Before all rows are read again there has to be room for them.
            self._held = held.let_go()
            raise

    def _read(self) -> _Held:
        held = self._held
        if isinstance(held, _Held):
            return held
        if time.monotonic() < self._try_again_s:
            raise IndexUnavailable("The rows of a build could not be read again after a change that failed.")
        try:
            columns, fits = load_rows(self._store, held.numbers)
        except IndexUnavailable:
            self._try_again_s = time.monotonic() + _TRY_AGAIN_S
            raise
        self._held = again = _Held(columns, Snapshot(columns.rows(), held.structure if fits else None))
        return again
