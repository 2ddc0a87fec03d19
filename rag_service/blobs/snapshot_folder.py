"""Snapshots in a folder or behind any fsspec URL: {url}/{fingerprint}/manifest.json and part-00001.points and so on."""

import asyncio
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

from rag_service.blobs.packed_points import pack_points, unpack_points
from rag_service.blobs.snapshot_manifests import manifest_from_json, manifest_to_json
from rag_service.domain.ids import Fingerprint
from rag_service.errors import BlobsUnavailable, DataDamaged, Misconfigured
from rag_service.on_disk import sync
from rag_service.ports.snapshots import SnapshotManifest, SnapshotPart
from rag_service.ports.vector_index import Point

_MANIFEST = "manifest.json"
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")

Result = TypeVar("Result")


class SnapshotFolder:
    """Implements `ports.snapshots.Snapshots`."""

    def __init__(self, url: str) -> None:
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise Misconfigured(f"No folder for snapshots can be opened at {url} ({error}).") from error

    async def builds(self) -> list[Fingerprint]:
        names = [PurePosixPath(path).name for path in await self._run(self._listed)]
        return sorted(Fingerprint(name) for name in names if _FINGERPRINT.fullmatch(name))

    async def manifest(self, fingerprint: Fingerprint) -> SnapshotManifest | None:
        content = await self._run(lambda: self._read(self._path(fingerprint, _MANIFEST)))
        return None if content is None else manifest_from_json(content)

    async def note(self, manifest: SnapshotManifest) -> None:
        content = manifest_to_json(manifest)
        await self._run(lambda: self._write(self._path(manifest.fingerprint, _MANIFEST), content))

    async def write_part(self, fingerprint: Fingerprint, number: int, points: Sequence[Point]) -> SnapshotPart:
        content = await asyncio.to_thread(pack_points, points)
        await self._run(lambda: self._write(self._path(fingerprint, _part(number)), content))
        return SnapshotPart(
            number=number,
            points=len(points),
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            first=points[0].id,
            last=points[-1].id,
        )

    async def read_part(self, fingerprint: Fingerprint, part: SnapshotPart) -> list[Point]:
        path = self._path(fingerprint, _part(part.number))
        content = await self._run(lambda: self._read(path))
        if content is None or hashlib.sha256(content).hexdigest() != part.sha256:
            raise DataDamaged(
                f"{path} is not what the manifest of the snapshot says. Take the snapshot from elsewhere."
            )
        return await asyncio.to_thread(unpack_points, content)

    def _write(self, path: str, content: bytes) -> None:
        """Let the file appear whole or not at all."""
        folder, incoming = str(PurePosixPath(path).parent), f"{path}.incoming"
        self._files.makedirs(folder, exist_ok=True)
        is_local = isinstance(self._files, LocalFileSystem)
        with self._files.open(incoming if is_local else path, "wb") as file:
            file.write(content)
            if is_local:
                file.flush()
                os.fsync(file.fileno())
        if is_local:
            Path(incoming).replace(path)
            sync(Path(folder))

    def _read(self, path: str) -> bytes | None:
        try:
            content: bytes = self._files.cat_file(path)
        except FileNotFoundError:
            return None
        return content

    def _listed(self) -> list[str]:
        try:
            return sorted(self._files.ls(self._root, detail=False, refresh=True))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _path(self, fingerprint: Fingerprint, name: str) -> str:
        return f"{self._root}/{fingerprint}/{name}"

    async def _run(self, call: Callable[[], Result]) -> Result:
        try:
            return await asyncio.to_thread(call)
        except OSError as error:
            raise BlobsUnavailable(f"The folder of snapshots cannot be reached or is full: {error}") from error


def _part(number: int) -> str:
    return f"part-{number:05}.points"
