"""Raw files of revisions on their way to the parsers: small ones in memory, large ones on disk."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO

from ingestion.parsing.isolation.sandbox import RawFile
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import Revision
from rag_service.ports.blob_store import BlobStore

INLINE_BYTES = 2**20
"""Files up to this size go through memory."""


@asynccontextmanager
async def loaded(blobs: BlobStore, sources: Sequence[tuple[AccessScope, Revision]]) -> AsyncIterator[list[RawFile]]:
    """Yield the raw files of the revisions, in order; private copies on disk are removed at the end."""
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
