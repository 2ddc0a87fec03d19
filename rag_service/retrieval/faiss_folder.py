"""Where the builds of FAISS lie on disk.

INDEX_DIR/.lock                       held by the one process that has the folder open
INDEX_DIR/FINGERPRINT/rows.db         the rows; see faiss_store
INDEX_DIR/FINGERPRINT/copy-….db       the rows that are to take the place of these; a leftover too
INDEX_DIR/FINGERPRINT/structure.json  the structure over them; see faiss_files
INDEX_DIR/.new-…/  .dropped-…/        builds that were never finished, and those that were dropped; leftovers
"""

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag_service.domain.ids import Fingerprint
from rag_service.retrieval.edge_room import disk_errors

_UNFINISHED = ".new-"
_LEFTOVERS = (f"{_UNFINISHED}*", ".dropped-*")
_PLAIN_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}")


def build_names(index_dir: Path) -> list[Fingerprint]:
    """Return the builds that exist."""
    # A disk's own `lost+found` is no build.
    return sorted(
        Fingerprint(entry.name) for entry in index_dir.iterdir() if entry.is_dir() and _PLAIN_NAME.fullmatch(entry.name)
    )


def remove_leftovers(index_dir: Path) -> None:
    """Remove what a crash left: dropped builds, and those that were never finished."""
    for pattern in _LEFTOVERS:
        for leftover in index_dir.glob(pattern):
            shutil.rmtree(leftover)


@contextmanager
def new_build_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder to be filled, and let it be that of a build: all or nothing, whenever the machine stops.

    Raises:
        IndexUnavailable: the disk refused.
    """
    unfinished = folder.with_name(f"{_UNFINISHED}{uuid.uuid4().hex}")
    with disk_errors("make a build"):
        unfinished.mkdir()
        try:
            yield unfinished
            sync(unfinished)
            unfinished.rename(folder)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        sync(folder.parent)


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
