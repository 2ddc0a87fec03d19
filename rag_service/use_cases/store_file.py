"""Keep uploaded bytes, before they belong to any corpus."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.documents import StoredFile
from rag_service.domain.ids import FileId, new_id
from rag_service.errors import BlobsUnavailable, InvalidRequest
from rag_service.ports.blob_store import BlobStore
from rag_service.ports.catalog import Catalog
from rag_service.use_cases.permissions import require

MAX_FILENAME_CHARS = 512


class StoreFile:
    """Streams a body into the blob store, then writes its row."""

    def __init__(self, *, catalog: Catalog, blobs: BlobStore, clock: Callable[[], datetime], max_bytes: int) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._clock = clock
        self._max_bytes = max_bytes

    async def __call__(
        self, scope: AccessScope, *, filename: str, purpose: str, content: AsyncIterator[bytes]
    ) -> StoredFile:
        """Return the file once its bytes are durable.

        Raises:
            InvalidRequest: the file name is empty, too long or not text.
            TooLarge: more bytes arrived than a file may have; nothing is kept.
            NotFound: the key may not upload.
        """
        file = await self.keep(scope, filename=filename, purpose=purpose, content=content)
        async with self._catalog.writing() as tx:
            await tx.files.add(scope, file)
        await self._assert_kept(scope, file)
        return file

    async def keep(
        self, scope: AccessScope, *, filename: str, purpose: str, content: AsyncIterator[bytes]
    ) -> StoredFile:
        """Return the file once its bytes are durable. It has no row: the reconciler removes what never gets one.

        Raises:
            InvalidRequest: the file name is empty, too long or not text.
            TooLarge: more bytes arrived than a file may have; nothing is kept.
            NotFound: the key may not upload.
        """
        require(scope, Permission.UPLOAD, kind="endpoint", ref="/v1/files")
        name = _usable(filename)
        blob = await self._blobs.write(scope, content, max_bytes=self._max_bytes)
        return StoredFile(
            id=FileId(new_id("file-")),
            tenant_id=scope.tenant_id,
            filename=name,
            purpose=purpose,
            size_bytes=blob.size_bytes,
            sha256=blob.sha256,
            created_at=self._clock(),
        )

    async def _assert_kept(self, scope: AccessScope, file: StoredFile) -> None:
        # The reconciler may have removed the same bytes, left by a broken upload, before the row was there.
        if await self._blobs.exists(scope, file.sha256):
            return
        async with self._catalog.writing() as tx:
            await tx.files.delete(scope, file.id)
        raise BlobsUnavailable("The file was removed while it was stored. Upload it again.")


def _usable(filename: str) -> str:
    # A name is shown and matched, never used as a path; control characters would let it lie on a terminal.
    name = "".join(character for character in filename if character.isprintable()).strip()
    if not name or len(name) > MAX_FILENAME_CHARS:
        raise InvalidRequest(f"The file needs a name of 1 to {MAX_FILENAME_CHARS} characters.", param="file")
    return name
