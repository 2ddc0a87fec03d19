"""Raw files in a folder or behind any fsspec URL (S3-compatible stores among them)."""

import asyncio
import hashlib
import os
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from rag_service.domain.access import AccessScope
from rag_service.errors import BlobsUnavailable, DocumentRejected, Misconfigured, NotFound, TooLarge
from rag_service.on_disk import sync
from rag_service.ports.blob_store import StoredBlob
from rag_service.reasons import ReasonCode

_INCOMING = "incoming"
_PIECE = 2**20
_SHA256 = re.compile(r"[0-9a-f]{64}")


class FsspecBlobStore:
    """Implements `ports.blob_store.BlobStore`: {url}/{hash of the tenant's id}/{two digits}/{sha256}."""

    def __init__(self, url: str) -> None:
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise Misconfigured(f"RAG_BLOBS__URL: no store can be opened at this address ({error}).") from error
        self._is_local = isinstance(self._files, LocalFileSystem)
        self._synced: set[str] = set()

    async def write(self, scope: AccessScope, content: AsyncIterator[bytes], *, max_bytes: int) -> StoredBlob:
        temporary = f"{self._tenant_folder(scope)}/{_INCOMING}/{uuid.uuid4().hex}"
        try:
            return await self._receive(scope, temporary, content, max_bytes)
        except BaseException:
            # Whatever ended the upload, a cancelled request too: nothing half-written stays behind.
            await asyncio.shield(asyncio.to_thread(self._discard, temporary))
            raise

    async def read(self, scope: AccessScope, sha256: str) -> AsyncIterator[bytes]:
        digest = hashlib.sha256()
        source, piece = await self._run(self._open, self._path(scope, sha256), sha256, digest)
        try:
            # A piece goes out when the next is there, and the last one when all of them have the right hash.
            while source is not None and (following := await self._run(_read_on, source, digest)):
                yield piece
                piece = following
            _assert_intact(digest.hexdigest(), sha256)
            if piece:
                yield piece
        finally:
            if source is not None:
                await asyncio.to_thread(source.close)

    async def exists(self, scope: AccessScope, sha256: str) -> bool:
        return bool(_SHA256.fullmatch(sha256)) and bool(await self._run(self._files.isfile, self._path(scope, sha256)))

    async def delete(self, scope: AccessScope, sha256: str) -> None:
        if _SHA256.fullmatch(sha256):
            await self._run(self._remove, self._path(scope, sha256))

    async def hashes(self, scope: AccessScope) -> AsyncIterator[Sequence[str]]:
        for folder in await self._run(self._listed, self._tenant_folder(scope)):
            names = [PurePosixPath(path).name for path in await self._run(self._listed, folder)]
            if blobs := sorted(name for name in names if _SHA256.fullmatch(name)):
                yield blobs

    async def is_older(self, scope: AccessScope, sha256: str, moment: datetime) -> bool:
        return bool(await self._run(self._is_older, self._path(scope, sha256), moment))

    async def sweep(self, *, before: datetime) -> int:
        return int(await self._run(self._sweep, before))

    async def _receive(
        self, scope: AccessScope, temporary: str, content: AsyncIterator[bytes], max_bytes: int
    ) -> StoredBlob:
        digest, size, target, waiting = hashlib.sha256(), 0, None, bytearray()
        try:
            async for piece in content:
                size += len(piece)
                if size > max_bytes:
                    raise TooLarge(f"The file is larger than {max_bytes} bytes.", param="file")
                digest.update(piece)
                waiting += piece
                if len(waiting) >= _PIECE:
                    target = target or await self._run(self._create, temporary)
                    await self._run(target.write, bytes(waiting))
                    waiting.clear()
            # Most files are small, and cost one trip to a thread instead of four.
            await self._run(self._finish, target, temporary, bytes(waiting), self._path(scope, digest.hexdigest()))
        finally:
            if target is not None:
                await self._run(target.close)
        return StoredBlob(sha256=digest.hexdigest(), size_bytes=size)

    def _create(self, path: str) -> Any:
        self._files.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
        return self._files.open(path, "wb")

    def _finish(self, target: Any, temporary: str, rest: bytes, path: str) -> None:
        with target or self._create(temporary) as file:
            file.write(rest)
            if self._is_local:
                file.flush()
                os.fsync(file.fileno())
        self._place(temporary, path)

    def _place(self, temporary: str, path: str) -> None:
        folder = str(PurePosixPath(path).parent)
        self._files.makedirs(folder, exist_ok=True)
        if self._is_local:
            Path(temporary).replace(path)
            self._sync(folder)
        else:
            self._files.mv(temporary, path)

    def _sync(self, folder: str) -> None:
        """Make the new name durable: it is in the folder, whose own name is made durable once."""
        sync(Path(folder))
        if folder not in self._synced:
            sync(Path(folder).parent)
            sync(Path(self._root))
            self._synced.add(folder)

    def _open(self, path: str, sha256: str, digest: "hashlib._Hash") -> tuple[Any | None, bytes]:
        """Return the open file and its beginning; None for a file that this is all of."""
        try:
            source = self._files.open(path, "rb")
        except FileNotFoundError as error:
            raise NotFound("file content", sha256) from error
        try:
            first = _read_on(source, digest)
        except BaseException:
            source.close()
            raise
        if len(first) < _PIECE:
            source.close()
            return None, first
        return source, first

    def _remove(self, path: str) -> None:
        try:
            self._files.rm_file(path)
        except FileNotFoundError:
            return

    def _discard(self, temporary: str) -> None:
        try:
            self._remove(temporary)
        except OSError:
            return  # the store is down: the first error is the one to tell

    def _sweep(self, before: datetime) -> int:
        folders = [f"{tenant}/{_INCOMING}" for tenant in self._listed(self._root)]
        left = [path for folder in folders for path in self._listed(folder) if self._is_older(path, before)]
        for path in left:
            self._remove(path)
        return len(left)

    def _listed(self, folder: str) -> list[str]:
        try:
            return sorted(self._files.ls(folder, detail=False, refresh=True))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _is_older(self, path: str, moment: datetime) -> bool:
        try:
            return bool(self._files.modified(path) < moment)
        except FileNotFoundError:
            return False  # its upload was completed meanwhile

    def _tenant_folder(self, scope: AccessScope) -> str:
        # Hashed, so that no tenant's name can leave its folder or meet another's.
        return f"{self._root}/{hashlib.sha256(scope.tenant_id.encode()).hexdigest()[:32]}"

    def _path(self, scope: AccessScope, sha256: str) -> str:
        if not _SHA256.fullmatch(sha256):
            raise NotFound("file content", sha256)
        return f"{self._tenant_folder(scope)}/{sha256[:2]}/{sha256}"

    async def _run(self, call: Any, *arguments: Any) -> Any:
        try:
            return await asyncio.to_thread(call, *arguments)
        except OSError as error:
            raise BlobsUnavailable("The store of raw files cannot be reached or is full.") from error


def _read_on(source: Any, digest: "hashlib._Hash") -> bytes:
    piece: bytes = source.read(_PIECE)
    digest.update(piece)
    return piece


def _assert_intact(found: str, sha256: str) -> None:
    if found != sha256:
        raise DocumentRejected(ReasonCode.DAMAGED, f"the stored file {sha256} was changed on disk")
