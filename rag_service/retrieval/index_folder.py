"""A folder of builds, whichever engine keeps them in it.

INDEX_DIR/.lock          held by the one process that has the folder open
INDEX_DIR/FINGERPRINT/   a build
INDEX_DIR/.dropped-…/    a build that was dropped; a leftover
"""

import fcntl
import re
import uuid
from pathlib import Path
from typing import IO

from rag_service.domain.ids import Fingerprint
from rag_service.errors import InvalidRequest, Misconfigured
from rag_service.on_disk import sync

DROPPED = ".dropped-"
_PLAIN_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}")


def lock_folder(index_dir: Path) -> IO[str]:
    """Make the folder this process's own until the returned file is closed, or the process ends.

    Raises:
        Misconfigured: another process has it open.
    """
    index_dir.mkdir(parents=True, exist_ok=True)
    lock = (index_dir / ".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        lock.close()
        raise Misconfigured(f"The index folder {index_dir} is open in another process; stop that one first.") from exc
    return lock


def build_folder(index_dir: Path, fingerprint: Fingerprint) -> Path:
    """Return the folder of a build.

    Raises:
        InvalidRequest: the name could lead out of the index folder.
    """
    if not _PLAIN_NAME.fullmatch(fingerprint):
        raise InvalidRequest(f"{fingerprint!r} is not the name of a build.")
    return index_dir / fingerprint


def builds(index_dir: Path) -> list[Path]:
    """Return the folders of builds."""
    # A disk's own `lost+found` is no build.
    return [entry for entry in index_dir.iterdir() if entry.is_dir() and _PLAIN_NAME.fullmatch(entry.name)]


def put_aside(build: Path) -> Path | None:
    """End a build at once, whenever the machine stops; return the folder left to remove, None when there was none."""
    if not build.exists():
        return None
    aside = build.with_name(f"{DROPPED}{uuid.uuid4().hex}")
    build.rename(aside)
    sync(build.parent)
    return aside
