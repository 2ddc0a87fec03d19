"""One build: its rows on disk and in memory, and the structure over them.

One thread changes it, another one rebuilds; searches see a snapshot, which is replaced whole.
"""

import asyncio
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.ids import CorpusId, PointId
from rag_service.errors import IndexUnavailable
from rag_service.ports.vector_index import Point
from rag_service.retrieval import faiss_files
from rag_service.retrieval.batches import batches
from rag_service.retrieval.dense_structure import DenseStructure, Place
from rag_service.retrieval.faiss_dense import KindOrAuto, build_structure, kind_for
from rag_service.retrieval.faiss_folder import new_build_folder
from rag_service.retrieval.faiss_load import load_rows
from rag_service.retrieval.faiss_record import Records, principals_text
from rag_service.retrieval.faiss_rows import Rows
from rag_service.retrieval.faiss_search import Snapshot
from rag_service.retrieval.faiss_store import FILE, RowStore

_POINTS_PER_TRANSACTION = 2_000
_REMOVED_PER_TRANSACTION = 4_096
_NO_ROWS = (ValueError, TypeError, KeyError, OverflowError)
"""What reading raises when the database file holds other bytes than were written."""
_MOST_GONE = 0.2  # of all rows, before `optimise` leaves them out and moves the others

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Structures:
    """How structures are made: of which kind, where they are placed, and in which thread."""

    kind: KindOrAuto
    place: Place
    rebuilding: Executor


@dataclass(frozen=True, slots=True, eq=False)
class _Rebuilt:
    """A structure over the rows at `places` of a snapshot that had rows of these `numbers`; None where there are none."""

    places: NDArray[np.int64]
    numbers: NDArray[np.int64]
    structure: DenseStructure | None
    described: faiss_files.Description | None


class FaissBuild:
    """A build in `folder`, open."""

    def __init__(self, folder: Path, structures: Structures) -> None:
        self._folder = folder
        self._structures = structures
        self._store = RowStore(folder / FILE)
        saved = faiss_files.load_structure(folder, token=self._store.token)
        try:
            self._columns, fits = load_rows(self._store, saved.numbers if saved else None)
        except IndexUnavailable:
            self._store.close()
            raise
        except _NO_ROWS as exc:
            self._store.close()
            raise IndexUnavailable(f"The rows of a build are damaged: {exc}") from exc
        self._structure: DenseStructure | None = None
        if saved and fits:
            vectors = self._columns.rows().vectors[: saved.structure.size]
            self._structure = structures.place(saved.structure, vectors)
        self._changing = ThreadPoolExecutor(1, thread_name_prefix="index-changes")
        self._rebuilding = asyncio.Lock()
        self._stopping = threading.Event()
        self._compactions_begun = 0
        self._last_compaction = 0
        self.snapshot = Snapshot(self._columns.rows(), self._structure)

    @classmethod
    def create(cls, folder: Path, *, dimensions: int, structures: Structures) -> "FaissBuild":
        with new_build_folder(folder) as unfinished:
            RowStore.create(unfinished / FILE, dimensions=dimensions, token=uuid.uuid4().hex)
        return cls(folder, structures)

    @property
    def store(self) -> RowStore:
        """The rows on disk, for the one thread that reads them."""
        return self._store

    @property
    def count(self) -> int:
        return int(self.snapshot.rows.live.size)

    @property
    def unstructured_count(self) -> int:
        """How many rows searches scan because no structure holds them."""
        structure = self.snapshot.structure
        return len(self.snapshot.rows.numbers) - (structure.size if structure else 0)

    async def write(self, points: Sequence[Point]) -> None:
        for batch in batches(points, _POINTS_PER_TRANSACTION):
            await self._change(self._write, batch)

    async def set_died(self, ids: Sequence[PointId], died: int) -> None:
        await self._change(lambda: self._columns.set_died(self._store.set_died(ids, died), died))

    async def set_principals(self, ids: Sequence[PointId], principals: frozenset[str]) -> None:
        text = principals_text(principals)
        await self._change(lambda: self._columns.set_principals(self._store.set_principals(ids, text), text))

    async def purge(self, ids: Sequence[PointId]) -> None:
        await self._change(lambda: self._columns.remove(self._store.remove(ids)))

    async def remove_corpus(self, corpus_id: CorpusId) -> None:
        while await self._change(self._remove_some_of, corpus_id):
            pass

    async def optimise(self) -> None:
        """Build the structure over all rows, and put it in place."""
        async with self._rebuilding:
            rows = self.snapshot.rows
            live = rows.live
            mostly_live = live.size >= (1 - _MOST_GONE) * len(rows.numbers)
            await self._rebuild(rows, np.arange(len(rows.numbers)) if mostly_live and live.size else live)

    async def compact(self) -> None:
        """Build the structure over the rows that are not gone, and leave nothing of the others on disk.

        Several calls that wait for their turn share one run.
        """
        begun_before = self._compactions_begun
        async with self._rebuilding:
            if self._last_compaction > begun_before:
                return
            self._compactions_begun += 1
            rows = self.snapshot.rows
            await self._rebuild(rows, rows.live)
            await self._change(self._store.compact)
            self._last_compaction = self._compactions_begun

    async def end(self) -> None:
        """Close the build for good. A rebuild is given up, a write in progress comes to its end."""
        self._stopping.set()
        await self._change(self._store.close)
        self._changing.shutdown(wait=False)

    def close(self) -> None:
        """Close the build when writes and a rebuild have come to their end; the rebuild comes to it early."""
        self._stopping.set()
        self._changing.shutdown()
        self._store.close()

    async def _rebuild(self, rows: Rows, places: NDArray[np.int64]) -> None:
        rebuilt = await _in_thread(self._structures.rebuilding, self._built, rows, places)
        await self._change(self._replace, rebuilt)

    def _built(self, rows: Rows, places: NDArray[np.int64]) -> _Rebuilt:
        if not places.size:
            return _Rebuilt(places, rows.numbers, None, None)
        # A copy only where it has to be one: a million vectors take 1.5 GB.
        vectors = rows.vectors if places.size == len(rows.numbers) else rows.vectors[places]
        kind = kind_for(places.size, self._structures.kind)
        structure = build_structure(kind, vectors, stopped=self._stopping.is_set)
        saved = faiss_files.SavedStructure(structure, rows.numbers[places])
        described = faiss_files.write_structure(self._folder, saved, token=self._store.token)
        return _Rebuilt(places, rows.numbers, self._structures.place(structure, vectors), described)

    def _replace(self, rebuilt: _Rebuilt) -> None:
        count, numbers = len(rebuilt.numbers), self._columns.rows().numbers
        # A rebuild whose caller went away may have moved rows after this one had looked at them.
        if not np.array_equal(numbers[:count], rebuilt.numbers):
            raise IndexUnavailable("Another rebuild came first.")
        if rebuilt.places.size < count:
            written_since = np.arange(count, len(numbers))
            self._columns.keep(np.concatenate([rebuilt.places, written_since]))
        self._structure = rebuilt.structure
        faiss_files.make_current(self._folder, rebuilt.described)

    def _write(self, points: Sequence[Point]) -> None:
        records, replaced = self._store.add(points)
        self._columns.append(Records.of(records))
        self._columns.remove(replaced)

    def _remove_some_of(self, corpus_id: CorpusId) -> int:
        removed = self._store.remove_of(corpus_id, limit=_REMOVED_PER_TRANSACTION)
        self._columns.remove(removed)
        return len(removed)

    async def _change(self, work: Callable[_Given, _Result], *given: _Given.args, **named: _Given.kwargs) -> _Result:
        """Do `work` after all changes before it, to its end even where nobody waits any more, and let searches see it."""

        def change() -> _Result:
            try:
                return work(*given, **named)
            finally:
                self.snapshot = Snapshot(self._columns.rows(), self._structure)

        return await _in_thread(self._changing, change)


async def _in_thread(executor: Executor, work: Callable[..., _Result], *given: object) -> _Result:
    try:
        working = executor.submit(work, *given)
    except RuntimeError as exc:  # it takes no more work
        raise IndexUnavailable("The build has been dropped.") from exc
    return await asyncio.wrap_future(working)
