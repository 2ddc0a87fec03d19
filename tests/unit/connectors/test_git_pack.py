"""A pack is measured before it is unpacked."""

import io
import struct
import zlib

import pytest
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import Blob
from dulwich.pack import write_pack_objects
from hypothesis import given
from hypothesis import strategies as st

from ingestion.connectors.git_pack import check_pack
from rag_service.errors import SourceRefused

BLOB, OFFSET_DELTA, NAMED_DELTA = 3, 6, 7


def header(count: int) -> bytes:
    return struct.pack(">4sLL", b"PACK", 2, count)


def packed(kind: int, content: bytes, *, says: int | None = None, base: bytes = b"") -> bytes:
    size = len(content) if says is None else says
    written, size = [kind << 4 | size & 15], size >> 4
    while size:
        written[-1] |= 0x80
        written.append(size & 0x7F)
        size >>= 7
    return bytes(written) + base + zlib.compress(content)


def number(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def check(pack: bytes, *, largest: int = 1000, together: int = 10_000) -> None:
    check_pack(io.BytesIO(pack), max_object_bytes=largest, max_total_bytes=together)


@given(st.lists(st.binary(max_size=40_000), max_size=5))
def test_packs_as_git_writes_them_pass_to_their_end(contents: list[bytes]) -> None:
    file = io.BytesIO()
    blobs = [Blob.from_string(content) for content in contents]
    write_pack_objects(file, [(blob, None) for blob in blobs], deltify=True, object_format=DEFAULT_OBJECT_FORMAT)
    file.seek(0)

    check_pack(file, max_object_bytes=40_000, max_total_bytes=200_000)

    assert len(file.read()) == 20  # the checksum


@pytest.mark.parametrize(
    "pack",
    [
        header(1) + packed(BLOB, b"x" * 1001),
        header(1) + packed(BLOB, b"", says=2**40),
        header(1) + packed(OFFSET_DELTA, number(10) + number(2**40) + b"x", base=b"\x81\x01"),
        header(1) + packed(NAMED_DELTA, number(10) + number(2**40) + b"x", base=b"n" * 20),
        header(20) + packed(BLOB, b"x" * 900) * 20,
    ],
    ids=["large", "says so", "delta by offset", "delta by name", "together"],
)
def test_what_unpacks_to_too_much_is_refused(pack: bytes) -> None:
    with pytest.raises(SourceRefused, match="large"):
        check(pack)


@pytest.mark.parametrize(
    "pack",
    [
        b"",
        b"HTML" + bytes(8),
        header(2) + packed(BLOB, b"x"),
        header(1) + packed(BLOB, b"x" * 500)[:-6],
        header(1) + packed(BLOB, b"x" * 500, says=3),
        header(1) + packed(NAMED_DELTA, b"\xff" * 40, base=b"n" * 20),
        header(1) + b"\x30no zlib",
    ],
    ids=["empty", "other", "short", "cut off", "more than it says", "no sizes", "not packed"],
)
def test_what_is_no_pack_is_an_error(pack: bytes) -> None:
    with pytest.raises((ValueError, struct.error, zlib.error)):
        check(pack)
