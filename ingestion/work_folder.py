"""A worker's own folder for temporary files: raw texts lie there while they are read."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = "lock"


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """Make a folder in `parent` the place of this process's temporary files; it is removed at the end.

    What killed workers left there is removed first. Their folders are known by their locks, which end with a process
    however that ends.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.iterdir():
        _remove_if_abandoned(left)
    folder = Path(tempfile.mkdtemp(dir=parent))
    lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_if_abandoned(folder: Path) -> None:
    # A worker that is just starting may have its folder, but no lock yet: without a file it holds nothing to remove.
    with suppress(FileNotFoundError, NotADirectoryError):
        lock = os.open(folder / _LOCK, os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            return
        finally:
            os.close(lock)
