"""Raw and canonical texts of revisions: immutable bytes under a key."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rag_service.domain.access import AccessScope


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    """What was written: the hex SHA-256 and the number of bytes."""

    sha256: str
    size_bytes: int


class BlobStore(Protocol):
    """Bytes by (tenant, SHA-256): the same bytes of one tenant are kept once, tenants share nothing.

    Rules every backend keeps: tests/contract/test_blob_store.py.

    Raises:
        BlobsUnavailable: the store cannot be reached or is full.
        NotFound: the scope's tenant has no such blob.
    """

    async def write(self, scope: AccessScope, content: AsyncIterator[bytes], *, max_bytes: int) -> StoredBlob:
        """Store `content` as it arrives; visible and durable only when complete.

        Raises:
            TooLarge: more than `max_bytes` arrived; nothing is kept.
        """

    def read(self, scope: AccessScope, sha256: str) -> AsyncIterator[bytes]:
        """Yield the bytes in pieces of at most 1 MiB.

        Raises:
            DocumentRejected: before the last piece: they are not the bytes that were written.
        """

    async def exists(self, scope: AccessScope, sha256: str) -> bool:
        """Say whether the scope's tenant has the blob."""

    async def delete(self, scope: AccessScope, sha256: str) -> None:
        """Remove the blob; absent ones are ignored."""

    def hashes(self, scope: AccessScope) -> AsyncIterator[Sequence[str]]:
        """Yield the SHA-256s of the tenant's blobs, in pages and in order."""

    async def is_older(self, scope: AccessScope, sha256: str, moment: datetime) -> bool:
        """Say whether the blob is there and was written before a moment, the last time it was."""

    async def sweep(self, *, before: datetime) -> int:
        """Remove what writes of every tenant left half-written before a moment; return how many there were."""
