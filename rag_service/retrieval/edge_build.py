"""One build: its live shard, and the roads from it to a better one."""

import asyncio
import json
import shutil
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import qdrant_edge as edge

from rag_service.domain.index_advice import GraphParameters, advised_graph
from rag_service.errors import IndexUnavailable
from rag_service.ports.vector_index import Candidate, Visible
from rag_service.ports.vectors import QueryVectors
from rag_service.retrieval.edge_child import EdgeChild
from rag_service.retrieval.edge_folder import (
    copy_shard,
    current_generation,
    make_current,
    new_generation,
    other_generations,
    remove_generation,
)
from rag_service.retrieval.edge_shard import Shard
from rag_service.retrieval.edge_trouble import end_trouble, note_trouble
from rag_service.retrieval.edge_tuning import ParametersInUse, parameters_of
from rag_service.retrieval.index_room import allocated_bytes, disk_errors, prove_room, require_room
from rag_service.retrieval.machine_memory import memory_bytes

# A copy, and the structures that are built beside it before the old ones go.
_COPIES = 2
_ALL = 2**62


class EdgeBuild:
    """A build in `folder`, open. Calls of the engine happen in the loop's thread, one after the other."""

    def __init__(self, path: Path, shard: Shard) -> None:
        self._path = path
        self._folder = path.parent
        self.shard = shard
        self._child = EdgeChild()
        self._searched = ParametersInUse()
        self._writing = asyncio.Lock()
        self._rebuilding = asyncio.Lock()
        self._journal: deque[edge.UpdateOperation] | None = None
        self._broken = False
        self._compactions_begun = 0
        self._last_compaction = 0

    @classmethod
    def create(cls, folder: Path, *, dimensions: int, exact_below: int) -> "EdgeBuild":
        path = new_generation(folder)
        require_room(folder.parent)
        try:
            shard = Shard.create(path, dimensions=dimensions, exact_below=exact_below, graph=GraphParameters())
            with disk_errors("keep a new build"):
                make_current(path)
        except IndexUnavailable:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(path, shard)

    @classmethod
    def open(cls, folder: Path) -> "EdgeBuild | None":
        """Open what is there; None when the build does not exist."""
        with disk_errors("open a build"):
            path = current_generation(folder)
            return None if path is None else cls(path, Shard.load(path))

    def search(self, query: QueryVectors, *, among: Visible, limit: int, exact_below: int) -> list[Candidate]:
        """Search the live shard, as the last check of it said."""
        said = self._searched.of(self._path)
        bound = _ALL if said.exact else exact_below
        return self.shard.search(query, among=among, limit=limit, exact_below=bound, ef=said.ef)

    async def apply(self, operations: Sequence[edge.UpdateOperation]) -> None:
        """Change the shard, durably when this returns. Searches get their turn between two operations."""
        async with self._writing:
            self._mend()
            for operation in operations:
                require_room(self._path)
                self._change(operation)
                await asyncio.sleep(0)
            # `update` alone does not reach the disk.
            self._flush()

    async def optimise(self, *, exact_below: int) -> None:
        """Let a child process optimise a copy as its size asks for, bring it up to date, and put it in place."""
        async with self._rebuild():
            copy, graph = await self._copy(), self._advised()
            if self.shard.int8 and not graph.int8:
                # The engine gives up 8-bit vectors in a new shard only.
                copy = await self._filled_anew(copy, graph, exact_below)
            await self._child.run("optimise", copy, exact_below, _as_json(graph))
            await self._replace_by(copy)

    async def compact(self, *, exact_below: int) -> None:
        """Let a child process move the points of a copy into a new shard, and put that in place, optimised.

        Several calls that wait for their turn share one run.
        """
        begun_before = self._compactions_begun
        async with self._rebuild():
            if self._last_compaction > begun_before:
                return
            self._compactions_begun += 1
            copy, graph = await self._copy(), self._advised()
            fresh = await self._filled_anew(copy, graph, exact_below)
            await self._child.run("optimise", fresh, exact_below, _as_json(graph))
            await self._replace_by(fresh)
            self._last_compaction = self._compactions_begun

    @asynccontextmanager
    async def ended(self) -> AsyncIterator[None]:
        """Close the build for good. A rebuild is given up, a write in progress comes to its end."""
        self._child.stop()
        async with self._rebuilding, self._writing:
            with suppress(IndexUnavailable):
                self.shard.close()
            yield

    def close(self) -> None:
        if not self._broken:
            self.shard.flush()
        self.shard.close()

    def _change(self, operation: edge.UpdateOperation) -> None:
        if self._journal is not None:
            self._journal.append(operation)
        try:
            self.shard.apply(operation)
        except IndexUnavailable:
            self._broken = True
            raise

    def _flush(self) -> None:
        try:
            self.shard.flush()
        except IndexUnavailable:
            self._broken = True
            raise

    def _mend(self) -> None:
        """Open a shard again that failed to write: until then the engine serves searches and takes no change."""
        if self._broken:
            # Without room it would not open, and serve nothing.
            prove_room(self._path)
            self.shard.close()
            self.shard = Shard.load(self._path)
            self._broken = False

    @asynccontextmanager
    async def _rebuild(self) -> AsyncIterator[None]:
        """Let no other rebuild run, and leave no other shard than the current one behind."""
        async with self._rebuilding:
            if self._child.stopped:
                raise IndexUnavailable("The build has been dropped.")
            try:
                with disk_errors("rebuild a build"):
                    require_room(self._path, beyond=_COPIES * allocated_bytes(self._path))
                    yield
                end_trouble(self._folder)
            except IndexUnavailable as exc:
                note_trouble(self._folder, str(exc))
                raise
            finally:
                self._journal = None
                await asyncio.to_thread(_discard_others, self._folder)

    async def _copy(self) -> Path:
        """Copy the shard as it is now; what is written from now on goes to the journal too."""
        copy = new_generation(self._folder)
        async with self._writing:
            self._mend()
            self._flush()
            self._journal = deque()
            await asyncio.to_thread(copy_shard, self._path, copy)
        return copy

    def _advised(self) -> GraphParameters:
        shard = self.shard
        return advised_graph(
            points=shard.count(),
            dimensions=shard.dimensions,
            memory_bytes=memory_bytes(),
            search=parameters_of(self._path),
        )

    async def _filled_anew(self, copy: Path, graph: GraphParameters, exact_below: int) -> Path:
        """Move the points of a copy into a new shard, and remove the copy."""
        fresh = new_generation(self._folder)
        await self._child.run("fill", copy, fresh, exact_below, _as_json(graph))
        await asyncio.to_thread(remove_generation, copy)
        return fresh

    async def _replace_by(self, generation: Path) -> None:
        require_room(generation)
        rebuilt = Shard.load(generation)
        try:
            await self._replay(rebuilt)
            async with self._writing:
                await self._replay(rebuilt)
                rebuilt.flush()
                replaced, old = self.shard, self._path
                self._swap(rebuilt, generation)
        except BaseException:
            if self.shard is not rebuilt:
                rebuilt.close()
            raise
        try:
            replaced.close()
        finally:
            await asyncio.to_thread(remove_generation, old)

    def _swap(self, rebuilt: Shard, generation: Path) -> None:
        try:
            make_current(generation)
        finally:
            # It counts as soon as it is named, even where bringing the name to disk fails.
            if current_generation(self._folder) == generation:
                self.shard, self._path, self._broken = rebuilt, generation, False

    async def _replay(self, rebuilt: Shard) -> None:
        while self._journal:
            require_room(self._folder)
            rebuilt.apply(self._journal.popleft())
            await asyncio.sleep(0)


def _as_json(graph: GraphParameters) -> str:
    return json.dumps(asdict(graph))


def _discard_others(folder: Path) -> None:
    # What cannot be removed now is removed at the next start.
    with suppress(FileNotFoundError):
        for generation in other_generations(folder):
            shutil.rmtree(generation, ignore_errors=True)
