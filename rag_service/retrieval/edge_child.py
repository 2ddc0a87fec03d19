"""The child process in which a build's copies are worked on."""

import asyncio
import os
import sys
from contextlib import suppress

from rag_service.errors import IndexUnavailable

_STDERR_TAIL = 500


class EdgeChild:
    """Runs the tasks of `index_child` for one build, one at a time, until it is stopped."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self.stopped = False

    async def run(self, task: str, *arguments: object) -> None:
        """Run a task to its end.

        Raises:
            IndexUnavailable: it failed, or was stopped.
        """
        if self.stopped:
            raise IndexUnavailable("The build has been dropped.")
        self._process = process = await _started(task, *arguments)
        if self.stopped:
            process.kill()
        try:
            _, complaint = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode != 0:
            tail = complaint.decode(errors="replace")[-_STDERR_TAIL:]
            raise IndexUnavailable(f"The index's child ended its task `{task}` with {process.returncode}: {tail}")

    def stop(self) -> None:
        """End the task in progress, and let none begin."""
        self.stopped = True
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()


async def _started(task: str, *arguments: object) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "rag_service.retrieval.index_child", str(os.getpid()), task, *map(str, arguments)]
    return await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
