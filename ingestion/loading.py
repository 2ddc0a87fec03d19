"""Raw files of revisions on their way through the parsers: small ones in memory, large ones on disk."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import IO, Protocol

from ingestion.lanes import SMALL_BYTES
from ingestion.parsing.isolation.sandbox import Outcome, RawFile
from ingestion.parsing.pages import OnPages
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import Revision
from rag_service.ports.blob_store import BlobStore

INLINE_BYTES = 2**20
"""Files up to this size go through memory."""


TakesRoom = Callable[[int], AbstractAsyncContextManager[None]]
"""Keeps room for so many bytes during a block."""


class Parse(Protocol):
    """Reads raw files."""

    async def __call__(self, files: Sequence[RawFile], on_pages: OnPages) -> list[Outcome]:
        """Return, per file in order, the document or why there is none; `on_pages` hears of the file at hand."""


class ReadFiles:
    """Brings raw files to the parsers, large ones once the machine has room for them."""

    def __init__(self, *, blobs: BlobStore, parse: Parse, taken: TakesRoom = lambda _: nullcontext()) -> None:
        self._blobs = blobs
        self._parse = parse
        self._taken = taken

    async def __call__(self, sources: Sequence[tuple[AccessScope, Revision]], on_pages: OnPages) -> list[Outcome]:
        """Return, per revision in order, the document in its file or why there is none, as `Parse` does."""
        large = sum(revision.size_bytes for _, revision in sources if revision.size_bytes > SMALL_BYTES)
        async with self._taken(large) if large else nullcontext(), _loaded(self._blobs, sources) as files:
            return await self._parse(files, on_pages)


@asynccontextmanager
async def _loaded(blobs: BlobStore, sources: Sequence[tuple[AccessScope, Revision]]) -> AsyncIterator[list[RawFile]]:
    # Private copies on disk are removed at the end.
    async with AsyncExitStack() as stack:
        yield [await _load(blobs, scope, revision, stack) for scope, revision in sources]


async def _load(blobs: BlobStore, scope: AccessScope, revision: Revision, stack: AsyncExitStack) -> RawFile:
    if revision.size_bytes <= INLINE_BYTES:
        pieces = [piece async for piece in blobs.read(scope, revision.raw_sha256)]
        return RawFile(filename=revision.filename, content=b"".join(pieces))
    copy = stack.enter_context(tempfile.NamedTemporaryFile(prefix="rag-raw-"))  # noqa: SIM115  (the stack closes it)
    async for piece in blobs.read(scope, revision.raw_sha256):
        await asyncio.to_thread(_append, copy.file, piece)
    return RawFile(filename=revision.filename, content=Path(copy.name))


def _append(file: IO[bytes], piece: bytes) -> None:
    file.write(piece)
    file.flush()
