"""Checksums of the rows of a build: SQLite has none, so a wrong bit inside a row is one more answer to it."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from rag_service.errors import IndexUnavailable

Values = Sequence[Any]


def point_checksum(values: Values) -> int:
    """Return that of all columns of a point but its vectors."""
    return zlib.crc32("\0".join(map(str, values)).encode())


def vectors_checksum(row: int, vectors: Iterable[bytes]) -> int:
    """Return that of the vectors of a row; those of another row have another one."""
    checksum = row & 0xFFFFFFFF
    for each in vectors:
        checksum = zlib.crc32(each, checksum)
    return checksum


def checked_point(values: Values) -> Values:
    """Return the columns of a point without its checksum, the last one.

    Raises:
        IndexUnavailable: they are not those that were written.
    """
    *point, checksum = values
    if point_checksum(point) != checksum:
        raise IndexUnavailable(f"The rows of a build are damaged: row {point[0]} is not what was written.")
    return point


def checked_vectors(row: int, values: Values) -> Values:
    """Return the vectors of a row without their checksum, the last one.

    Raises:
        IndexUnavailable: they are not those that were written.
    """
    *vectors, checksum = values
    if not all(isinstance(each, bytes) for each in vectors) or vectors_checksum(row, vectors) != checksum:
        raise IndexUnavailable(f"The rows of a build are damaged: the vectors of row {row} are not what was written.")
    return vectors
