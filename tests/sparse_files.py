"""Files that are mostly holes, as those of the index are, read without their holes."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

# A hole is a block or longer; nothing that tests look for holds as many zeros.
_HOLE = bytes(4096)


def written(path: Path) -> bytes:
    """Return the bytes of a file, with every hole cut short."""
    with path.open("rb") as file:
        return b"".join(_pieces(file.fileno(), os.fstat(file.fileno()).st_size))


def _pieces(file: int, size: int) -> Iterator[bytes]:
    end = 0
    while end < size:
        start = _next_data(file, end, size)
        if start > end:
            yield _HOLE
        end = os.lseek(file, start, os.SEEK_HOLE) if start < size else size
        yield os.pread(file, end - start, start)


def _next_data(file: int, offset: int, size: int) -> int:
    try:
        return os.lseek(file, offset, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole up to the end
            return size
        raise
