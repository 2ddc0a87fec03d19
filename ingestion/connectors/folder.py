"""A folder of this machine, below one of the roots that the operator has allowed."""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from ingestion.connectors.globs import Globs
from ingestion.connectors.keys import key_of, path_of
from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.listing import listed
from ingestion.connectors.port import Connector, Item, ItemGone
from rag_service.domain.sources import FolderSource
from rag_service.errors import SourceRefused, SourceUnavailable

_PIECE_BYTES = 2**20
_SILENT = "The disk of the folder does not answer."
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe under the name of a file would block whoever opens it.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@asynccontextmanager
async def open_folder(settings: FolderSource, limits: SourceLimits) -> AsyncIterator[Connector]:
    """Open the folder.

    Raises:
        SourceRefused: it is not there, or below no allowed root.
    """
    root = await asyncio.to_thread(allowed_path, settings.path, limits)
    yield FolderConnector(root, Globs(include=settings.include, exclude=settings.exclude), limits)


def allowed_path(path: str, limits: SourceLimits) -> Path:
    """Return `path` without links.

    Raises:
        SourceRefused: it is no folder, or below no root that the operator has allowed.
    """
    real = Path(os.path.realpath(path))
    # Whether a folder exists is told only to those who may read it.
    if not any(real.is_relative_to(os.path.realpath(root)) for root in limits.allowed_roots):
        raise SourceRefused("This folder is below none of the folders that the operator has allowed for sources.")
    if not real.is_dir():
        raise SourceRefused("The folder is not there.")
    return real


class FolderConnector:
    """Compares size and times of files and reads none of them for a listing.

    A file that is moved stays the same inode with the same time of change, which tells renames without hashing.
    """

    def __init__(self, root: Path, globs: Globs, limits: SourceLimits) -> None:
        self._root = root
        self._globs = globs
        self._limits = limits

    async def items(self, known: Mapping[str, str]) -> AsyncIterator[Item]:
        """Yield every file that is not hidden."""
        most = self._limits.max_items
        too_many = f"The folder holds more than {most} files. Narrow it by patterns."
        async for item in listed(self._walk(), most=most, too_many=too_many):
            yield item

    async def fetch(self, item: Item) -> AsyncIterator[bytes]:
        """Yield the content of a file."""
        with await asyncio.to_thread(self._open, item.key) as file:
            while piece := await asyncio.to_thread(_read, file):
                yield piece

    def _walk(self) -> Iterator[Item]:
        waiting = [self._root]
        while waiting:
            for entry in self._entries(waiting.pop()):
                if entry.name.startswith((".", "~$")):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif self._globs.want(key := self._key(entry.path)) and (item := self._item(entry, key)):
                    yield item

    def _key(self, path: str) -> str:
        return key_of(os.fsencode(Path(path).relative_to(self._root)))

    def _entries(self, folder: Path) -> list["os.DirEntry[str]"]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except PermissionError as exc:
            raise SourceRefused(f"The service may not read the folder {self._key(str(folder))}.") from exc
        except OSError as exc:
            # Its files may just be moving elsewhere: seen in neither place they would look deleted.
            raise SourceUnavailable("The folder changed while it was listed, or its disk does not answer.") from exc

    def _item(self, entry: "os.DirEntry[str]", key: str) -> Item | None:
        try:
            if entry.is_symlink() and not self._leads_inside(entry.path):
                return None
            status = entry.stat()
        except FileNotFoundError:
            return None
        except OSError as exc:
            if exc.errno == errno.ELOOP:
                return None
            raise SourceUnavailable(_SILENT) from exc
        if not stat.S_ISREG(status.st_mode):
            return None
        return Item(
            key=key,
            filename=key.rsplit("/", 1)[-1],
            # The change time cannot be set back, unlike the modification time.
            revision=f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}",
            size_bytes=status.st_size,
            content_id=f"inode:{status.st_dev}-{status.st_ino}-{status.st_size}-{status.st_mtime_ns}",
        )

    def _leads_inside(self, path: str) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self._root)

    def _open(self, key: str) -> BinaryIO:
        try:
            real = Path(os.path.realpath(self._root / os.fsdecode(path_of(key))))
            if not real.is_relative_to(self._root):
                raise ItemGone
            return os.fdopen(_opened_below(self._root, real.relative_to(self._root)), "rb", buffering=0)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError) as exc:
            raise ItemGone from exc
        except PermissionError as exc:
            # The plan says which, to those who may see it.
            raise SourceRefused("The service may not read files of the folder.") from exc
        except OSError as exc:
            raise SourceUnavailable(_SILENT) from exc


def _opened_below(root: Path, path: Path) -> int:
    # Folder by folder and following no link: whoever writes to the folder could put one there at any moment.
    with ExitStack() as stack:
        folder = os.open(root, _OPEN_FOLDER)
        for name in path.parts[:-1]:
            stack.callback(os.close, folder)
            folder = os.open(name, _OPEN_FOLDER, dir_fd=folder)
        stack.callback(os.close, folder)
        file = os.open(path.name, _OPEN_FILE, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise ItemGone
    return file


def _read(file: BinaryIO) -> bytes:
    try:
        return file.read(_PIECE_BYTES)
    except OSError as exc:
        raise SourceUnavailable(_SILENT) from exc
