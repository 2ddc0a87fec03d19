"""One build: its rows on disk and in memory, and the structure over them.

One thread changes it, another one rebuilds; searches see a snapshot, which is replaced whole.
"""

import asyncio
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.ids import CorpusId, PointId
from rag_service.errors import IndexUnavailable
from rag_service.ports.vector_index import Point
from rag_service.retrieval import faiss_files
from rag_service.retrieval.batches import batches
from rag_service.retrieval.dense_structure import Place
from rag_service.retrieval.faiss_dense import FaissStructure, KindOrAuto, build_structure, kind_for
from rag_service.retrieval.faiss_folder import new_build_folder
from rag_service.retrieval.faiss_memory import BuildMemory
from rag_service.retrieval.faiss_record import Record, Records, principals_text
from rag_service.retrieval.faiss_rows import Columns, Rows
from rag_service.retrieval.faiss_snapshot import Snapshot
from rag_service.retrieval.faiss_store import FILE, RowStore
from rag_service.retrieval.picked_vectors import PickedVectors

_POINTS_PER_TRANSACTION = 2_000
_REMOVED_PER_TRANSACTION = 4_096
_MOST_GONE = 0.2  # of all rows, before `optimise` leaves them out and moves the others

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
    structure: FaissStructure | None
    described: faiss_files.Description | None


class FaissBuild:
    """A build in `folder`, open."""

    def __init__(self, folder: Path, structures: Structures) -> None:
        self._folder = folder
        self._structures = structures
        self._store = RowStore(folder / FILE)
        saved = faiss_files.load_structure(folder, token=self._store.token)
        try:
            self._memory = BuildMemory(self._store, saved, structures.place)
        except IndexUnavailable:
            self._store.close()
            raise
        self._changing = ThreadPoolExecutor(1, thread_name_prefix="index-changes")
        self._rebuilding = asyncio.Lock()
        self._stopping = threading.Event()
        self._compactions_begun = 0
        self._last_compaction = 0

    @classmethod
    def create(cls, folder: Path, *, dimensions: int, structures: Structures) -> "FaissBuild":
        with new_build_folder(folder) as unfinished:
            RowStore.create(unfinished / FILE, dimensions=dimensions, token=uuid.uuid4().hex)
        return cls(folder, structures)

    @property
    def store(self) -> RowStore:
        """The rows on disk, for those who read them one after the other."""
        return self._store

    @property
    def count(self) -> int:
        snapshot = self._memory.snapshot
        return int(snapshot.rows.live.size) if snapshot else self._store.count()

    @property
    def unstructured_count(self) -> int:
        """How many rows searches scan because no structure holds them."""
        if (snapshot := self._memory.snapshot) is None:
            return 0
        return len(snapshot.rows.numbers) - (snapshot.structure.size if snapshot.structure else 0)

    async def snapshot(self) -> Snapshot:
        """Return what searches look at; it is waited for only where all rows have to be read again."""
        if snapshot := self._memory.snapshot:
            return snapshot
        return await _in_thread(self._changing, self._memory.current)

    async def write(self, points: Sequence[Point]) -> None:
        for batch in batches(points, _POINTS_PER_TRANSACTION):
            await self._change(partial(self._store.add, batch), _append)

    async def set_died(self, ids: Sequence[PointId], died: int) -> None:
        await self._change(partial(self._store.set_died, ids, died), lambda columns, rows: columns.set_died(rows, died))

    async def set_principals(self, ids: Sequence[PointId], principals: frozenset[str]) -> None:
        text = principals_text(principals)
        await self._change(
            partial(self._store.set_principals, ids, text), lambda columns, rows: columns.set_principals(rows, text)
        )

    async def purge(self, ids: Sequence[PointId]) -> None:
        await self._change(partial(self._store.remove, ids), Columns.remove)

    async def remove_corpus(self, corpus_id: CorpusId) -> None:
        some = partial(self._store.remove_of, corpus_id, limit=_REMOVED_PER_TRANSACTION)
        while await self._change(some, Columns.remove):
            pass

    async def optimise(self) -> None:
        """Build the structure over all rows, and put it in place."""
        async with self._rebuilding:
            rows = (await self.snapshot()).rows
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
            rows = (await self.snapshot()).rows
            await self._rebuild(rows, rows.live)
            await _in_thread(self._structures.rebuilding, self._copy_rows)
            self._last_compaction = self._compactions_begun

    async def end(self) -> None:
        """Close the build for good. A rebuild is given up, a write in progress comes to its end."""
        self._stopping.set()
        await _in_thread(self._changing, self._store.close)
        self._changing.shutdown(wait=False)

    def close(self) -> None:
        """Close the build when writes and a rebuild have come to their end; the rebuild comes to it early."""
        self._stopping.set()
        self._changing.shutdown()
        self._store.close()

    async def _rebuild(self, rows: Rows, places: NDArray[np.int64]) -> None:
        rebuilt = await _in_thread(self._structures.rebuilding, self._built, rows, places)
        await _in_thread(self._changing, self._put_in_place, rebuilt)

    def _built(self, rows: Rows, places: NDArray[np.int64]) -> _Rebuilt:
        if not places.size:
            return _Rebuilt(places, rows.numbers, None, None)
        vectors = PickedVectors(rows.vectors, places)
        kind = kind_for(places.size, self._structures.kind)
        structure = build_structure(kind, vectors, stopped=self._stopping.is_set)
        saved = faiss_files.SavedStructure(structure, rows.numbers[places])
        described = faiss_files.write_structure(self._folder, saved, token=self._store.token)
        return _Rebuilt(places, rows.numbers, structure, described)

    def _put_in_place(self, rebuilt: _Rebuilt) -> None:
        count, numbers = len(rebuilt.numbers), self._memory.current().rows.numbers
        # A rebuild whose caller went away may have moved rows after this one had looked at them.
        if not np.array_equal(numbers[:count], rebuilt.numbers):
            raise IndexUnavailable("Another rebuild came first.")
        faiss_files.make_current(self._folder, rebuilt.described)
        written_since = np.arange(count, len(numbers))
        self._memory.replace(np.concatenate([rebuilt.places, written_since]), rebuilt.structure)

    def _copy_rows(self) -> None:
        # To its end in this thread, whoever waits: no second copy begins before.
        with self._store.copied(stopped=self._stopping.is_set) as copy:
            _submitted(self._changing, self._store.put_in_place, copy).result()

    async def _change(self, on_disk: Callable[[], _Result], in_memory: Callable[[Columns, _Result], None]) -> _Result:
        """Make a change after all those before it, to its end even where nobody waits any more.

        Memory is what disk was before and follows; else it is read again before anything else is done.
        """

        def change() -> _Result:
            self._memory.current()
            changed = on_disk()
            self._memory.follow(lambda columns: in_memory(columns, changed))
            return changed

        return await _in_thread(self._changing, change)


def _append(columns: Columns, written: tuple[Sequence[Record], Sequence[int]]) -> None:
    records, replaced = written
    columns.append(Records.of(records))
    columns.remove(replaced)


async def _in_thread(executor: Executor, work: Callable[..., _Result], *given: object) -> _Result:
    return await asyncio.wrap_future(_submitted(executor, work, *given))


def _submitted(executor: Executor, work: Callable[..., _Result], *given: object) -> Future[_Result]:
    try:
        return executor.submit(work, *given)
    except RuntimeError as exc:  # it takes no more work
        raise IndexUnavailable("The build has been dropped.") from exc
