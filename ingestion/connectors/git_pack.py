"""What a pack unpacks to, told before anything of it is unpacked into memory: a few kilobytes can hold terabytes."""

import struct
import zlib
from typing import BinaryIO

from rag_service.errors import SourceRefused

_HEADER = struct.Struct(">4sLL")
_OFFSET_DELTA, _NAMED_DELTA = 6, 7
_NAME_BYTES = 20
_READ_BYTES = 2**14
_HEAD_BYTES = 32  # of a delta: the sizes before and after it take at most twenty


def check_pack(pack: BinaryIO, *, max_object_bytes: int, max_total_bytes: int) -> None:
    """Read a pack from its start.

    Raises:
        SourceRefused: an object, or all of them, are over a limit.
        ValueError: it is not a pack, or broken.
    """
    magic, _, count = _HEADER.unpack(_exactly(pack, _HEADER.size))
    if magic != b"PACK":
        raise ValueError("no pack")
    left = max_total_bytes
    for _ in range(count):
        size_bytes = _object_size(pack, max_object_bytes)
        left -= size_bytes
        if size_bytes > max_object_bytes or left < 0:
            raise SourceRefused("The repository holds a file that is too large, or unpacks to far more than its size.")


def _object_size(pack: BinaryIO, most: int) -> int:
    """Return what the next object of a pack becomes, and leave the pack behind it."""
    first = _exactly(pack, 1)[0]
    kind, stored, shift = first >> 4 & 7, first & 15, 4
    while first & 0x80:
        first = _exactly(pack, 1)[0]
        stored |= (first & 0x7F) << shift
        shift += 7
    if stored > most:
        return stored
    if kind == _NAMED_DELTA:
        _exactly(pack, _NAME_BYTES)
    while kind == _OFFSET_DELTA and _exactly(pack, 1)[0] & 0x80:
        pass
    head = _skip_packed(pack, stored)
    return max(stored, _delta_result(head)) if kind in {_OFFSET_DELTA, _NAMED_DELTA} else stored


def _skip_packed(pack: BinaryIO, size_bytes: int) -> bytes:
    """Leave the pack behind a packed object of that size, and return the object's first bytes."""
    unpacker, head, seen = zlib.decompressobj(), b"", 0
    packed = b""
    while not unpacker.eof:
        packed = unpacker.unconsumed_tail or pack.read(_READ_BYTES)
        if not packed:
            raise ValueError("the pack ends too early")
        content = unpacker.decompress(packed, _READ_BYTES)
        head += content[: _HEAD_BYTES - len(head)]
        seen += len(content)
        if seen > size_bytes:
            raise ValueError("an object is larger than it says")
    pack.seek(-len(unpacker.unused_data), 1)
    return head


def _delta_result(delta: bytes) -> int:
    _, rest = _number(delta)
    return _number(rest)[0]


def _number(text: bytes) -> tuple[int, bytes]:
    value = 0
    for place, byte in enumerate(text):
        value |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return value, text[place + 1 :]
    raise ValueError("a delta has no sizes")


def _exactly(pack: BinaryIO, size_bytes: int) -> bytes:
    read = pack.read(size_bytes)
    if len(read) < size_bytes:
        raise ValueError("the pack ends too early")
    return read
