"""Reads files in child processes, so that a file which crashes, hangs or eats memory harms nothing else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion.parsing.isolation.child_process import ChildDied, ChildProcess
from ingestion.parsing.isolation.wire import unpack_document
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.pages import OnPages, unheard
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

CHILD_MODULE = "ingestion.parsing.isolation.child"
FILES_PER_CHILD = 5000
_RETIRE_SHARE = 0.5  # of the memory limit: a child that holds more between two files is replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """A file to read: small ones as bytes, large ones by the path of a private copy."""

    filename: str
    content: bytes | Path


Outcome = ParsedDocument | DocumentRejected


class Sandbox:
    """Keeps up to `children` warm processes and gives each one file after another.

    A process is replaced after a failure, after many files, or when it holds on to memory.
    """

    def __init__(self, *, limits: ParsingLimits, children: int = 1, module: str = CHILD_MODULE) -> None:
        self._limits = limits
        self._module = module
        self._slots = asyncio.Semaphore(children)
        self._idle: list[ChildProcess] = []

    async def parse(self, files: Sequence[RawFile], on_pages: OnPages = unheard) -> list[Outcome]:
        """Return, per file in order, the document or why there is none. Cancelling it ends the process at once.

        `on_pages` is called at most once a second with the pages read of the file at hand.
        """
        outcomes: list[Outcome] = []
        async with self._slots:
            while len(outcomes) < len(files):
                async with self._child() as child:
                    await self._read_in(child, files, outcomes, on_pages)
        return outcomes

    async def close(self) -> None:
        """End the processes; a later `parse` starts new ones."""
        while self._idle:
            await self._idle.pop().kill()

    @contextlib.asynccontextmanager
    async def _child(self) -> AsyncIterator[ChildProcess]:
        child = self._idle.pop() if self._idle else await ChildProcess.start(self._module, self._limits)
        reusable = False
        try:
            yield child
            reusable = self._is_reusable(child)
        finally:
            if reusable:
                self._idle.append(child)
            else:
                await child.kill()

    def _is_reusable(self, child: ChildProcess) -> bool:
        fresh = child.files_read < FILES_PER_CHILD
        return child.is_alive and fresh and child.resident_bytes() < _RETIRE_SHARE * self._limits.memory_bytes

    async def _read_in(
        self, child: ChildProcess, files: Sequence[RawFile], outcomes: list[Outcome], on_pages: OnPages
    ) -> None:
        for file in files[len(outcomes) :]:
            outcomes.append(await self._outcome(child, file, on_pages))
            if not self._is_reusable(child):
                return

    async def _outcome(self, child: ChildProcess, file: RawFile, on_pages: OnPages) -> Outcome:
        inline = isinstance(file.content, bytes)
        request = {
            "filename": file.filename,
            "content" if inline else "path": file.content if inline else str(file.content),
        }
        try:
            reply = await child.ask(request, on_pages)
            if "document" in reply:
                return unpack_document(reply["document"])
            return DocumentRejected(ReasonCode(reply["rejected"]), str(reply["detail"]))
        except ChildDied as exc:
            return DocumentRejected(exc.reason, exc.detail)
        except (KeyError, TypeError, ValueError) as exc:
            await child.kill()
            return DocumentRejected(ReasonCode.PARSER_CRASHED, f"unreadable reply: {type(exc).__name__}")
