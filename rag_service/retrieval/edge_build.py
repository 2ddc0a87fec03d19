"""One build: its live shard, and the road from it to an optimised copy."""

import asyncio
import shutil
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import qdrant_edge as edge

from rag_service.errors import IndexUnavailable
from rag_service.retrieval.edge_folder import copy_shard, current_generation, make_current, new_generation
from rag_service.retrieval.edge_shard import Shard

_STDERR_TAIL = 500


class EdgeBuild:
    """A build in `folder`, open. Calls of the engine happen in the loop's thread, one after the other."""

    def __init__(self, path: Path, shard: Shard) -> None:
        self._path = path
        self.shard = shard
        self._writing = asyncio.Lock()
        self._optimising = asyncio.Lock()
        self._journal: deque[edge.UpdateOperation] | None = None

    @classmethod
    def create(cls, folder: Path, *, dimensions: int, exact_below: int) -> "EdgeBuild":
        path = new_generation(folder)
        shard = Shard.create(path, dimensions=dimensions, exact_below=exact_below)
        make_current(path)
        return cls(path, shard)

    @classmethod
    def open(cls, folder: Path) -> "EdgeBuild | None":
        """Open what is there; None when the build does not exist."""
        path = current_generation(folder)
        return None if path is None else cls(path, Shard.load(path))

    async def apply(self, operations: Sequence[edge.UpdateOperation]) -> None:
        """Change the shard, durably when this returns. Searches get their turn between two operations."""
        async with self._writing:
            for operation in operations:
                if self._journal is not None:
                    self._journal.append(operation)
                self.shard.apply(operation)
                await asyncio.sleep(0)
            # `update` alone does not reach the disk.
            self.shard.flush()

    async def optimise(self) -> None:
        """Let a child process optimise a copy, bring the copy up to date, and put it in place."""
        async with self._optimising:
            copy = new_generation(self._path.parent)
            try:
                await self._copy_to(copy)
                await _run_optimiser(copy)
                await self._replace_by(copy)
            finally:
                self._journal = None
                if copy != self._path:
                    await asyncio.to_thread(shutil.rmtree, copy, ignore_errors=True)

    def close(self) -> None:
        self.shard.flush()
        self.shard.close()

    async def _copy_to(self, copy: Path) -> None:
        async with self._writing:
            self.shard.flush()
            self._journal = deque()
            await asyncio.to_thread(copy_shard, self._path, copy)

    async def _replace_by(self, copy: Path) -> None:
        optimised = Shard.load(copy)
        try:
            await self._replay(optimised)
            async with self._writing:
                await self._replay(optimised)
                optimised.flush()
                make_current(copy)
                replaced, self.shard = self.shard, optimised
                old, self._path = self._path, copy
        except BaseException:
            optimised.close()
            raise
        replaced.close()
        await asyncio.to_thread(shutil.rmtree, old, ignore_errors=True)

    async def _replay(self, optimised: Shard) -> None:
        while self._journal:
            optimised.apply(self._journal.popleft())
            await asyncio.sleep(0)


async def _run_optimiser(folder: Path) -> None:
    command = [sys.executable, "-m", "rag_service.retrieval.optimise_child", str(folder)]
    child = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        _, complaint = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    if child.returncode != 0:
        tail = complaint.decode(errors="replace")[-_STDERR_TAIL:]
        raise IndexUnavailable(f"The optimiser ended with status {child.returncode}: {tail}")
