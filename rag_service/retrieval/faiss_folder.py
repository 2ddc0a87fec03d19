"""Where the builds of FAISS lie on disk.

INDEX_DIR/FINGERPRINT/rows.db         the rows; see faiss_store
INDEX_DIR/FINGERPRINT/copy-….db       the rows that are to take the place of these; a leftover too
INDEX_DIR/FINGERPRINT/structure.json  the structure over them; see faiss_files
INDEX_DIR/.new-…/                     a build that was never finished; a leftover

What else lies there: index_folder.
"""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag_service.domain.ids import Fingerprint
from rag_service.on_disk import sync
from rag_service.retrieval.index_folder import DROPPED, builds
from rag_service.retrieval.index_room import disk_errors

_UNFINISHED = ".new-"
_LEFTOVERS = (f"{_UNFINISHED}*", f"{DROPPED}*")


def build_names(index_dir: Path) -> list[Fingerprint]:
    """Return the builds that exist."""
    return sorted(Fingerprint(build.name) for build in builds(index_dir))


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
