"""Room on the index's disk, looked for before it is needed.

Qdrant Edge writes into mapped files that have holes: where the disk cannot fill one, the kernel ends the process (SIGBUS).
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag_service.errors import IndexUnavailable

_MIB = 2**20
# More than one operation with its log takes, and what others may write between the look and the operation.
_RESERVE_BYTES = 64 * _MIB


def require_room(folder: Path, *, beyond: int = 0) -> None:
    """Refuse to go on where the disk has less than the reserve and `beyond` bytes left.

    Raises:
        IndexUnavailable: it has.
    """
    with disk_errors("look for room"):
        free = shutil.disk_usage(folder).free
    if free < (needed := _RESERVE_BYTES + beyond):
        raise IndexUnavailable(f"The index's disk is full: {free // _MIB} MiB are free, {needed // _MIB} are needed.")


def prove_room(folder: Path) -> None:
    """Take the reserve and give it back: quotas and limits of the process show in no other way than by writing.

    Raises:
        IndexUnavailable: it cannot be had.
    """
    require_room(folder)
    with disk_errors("take room"), tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_RESERVE_BYTES // _MIB):
            file.write(bytes(_MIB))
        file.flush()


def allocated_bytes(folder: Path) -> int:
    """Return what the files below `folder` take on the disk, holes not counted."""
    return sum(entry.stat().st_blocks * 512 for entry in folder.rglob("*"))


@contextmanager
def disk_errors(action: str) -> Iterator[None]:
    """Translate what the disk refuses while it does `action`."""
    try:
        yield
    except OSError as exc:
        raise IndexUnavailable(f"The index's disk refused to {action}: {exc}") from exc
