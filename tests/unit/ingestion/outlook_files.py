"""Writes small OLE files as Outlook and old office programs do: a directory, streams of less than 4 KB, storages."""

import struct
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

Storage = Mapping[str, Any]
"""Streams (bytes) and storages (mappings) by name."""

_SECTOR, _MINI = 512, 64
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_STORAGE, _STREAM, _ROOT = 1, 2, 5


def ole(root: Storage) -> bytes:
    """Return a compound file that holds `root`."""
    mini, mini_fat, starts = _mini_streams(root)
    entries = _directory(root, starts, len(mini))
    sectors = [*_cut(b"".join(entries)), *_cut(mini_fat), *_cut(mini)]
    counts = [len(_cut(part)) for part in (b"".join(entries), mini_fat, mini)]
    chains, first = [], []
    for count in counts:
        first.append(1 + len(chains) if count else _END)
        chains += [2 + len(chains) + place for place in range(count - 1)] + ([_END] if count else [])
    fat = struct.pack("<128I", _FAT, *chains, *[_FREE] * (127 - len(chains)))
    placed = [entries[0][:116] + struct.pack("<II", first[2], len(mini)) + entries[0][124:], *entries[1:]]
    sectors[: counts[0]] = _cut(b"".join(placed))
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 0x3E, 3, 0xFFFE, 9, 6, bytes(6),
        0, 1, first[0], 0, 4096, first[1], counts[1], _END, 0, 0,
    )  # fmt: skip
    return header + struct.pack("<108I", *[_FREE] * 108) + fat + b"".join(sectors)


def msg(subject: str, body: str, attachments: Mapping[str, bytes] | None = None, *, kind: str = "IPM.Note") -> bytes:
    """Return a mail as Outlook saves it."""
    files = attachments or {}
    root = _properties(
        {0x001A: kind, 0x0037: subject, 0x1000: body, 0x0E04: "ann@example.com"}, header=_root_header(len(files))
    )
    for number, (name, content) in enumerate(files.items()):
        root[f"__attach_version1.0_#{number:08X}"] = _properties({0x3707: name, 0x3701: content}, header=bytes(8))
    return ole(root)


def _root_header(attachments: int) -> bytes:
    return struct.pack("<8xIIII8x", 0, attachments, 0, attachments)


def _properties(values: Mapping[int, str | bytes], *, header: bytes) -> dict[str, Any]:
    storage: dict[str, Any] = {}
    entries = b""
    for number, value in values.items():
        kind, content = (0x102, value) if isinstance(value, bytes) else (0x1F, value.encode("utf-16-le"))
        storage[f"__substg1.0_{number:04X}{kind:04X}"] = content
        entries += struct.pack("<HHIII", kind, number, 6, len(content), 0)
    return {"__properties_version1.0": header + entries, **storage}


def _streams(storage: Storage, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], bytes]]:
    for name, value in storage.items():
        if isinstance(value, bytes):
            yield (*path, name), value
        else:
            yield from _streams(value, (*path, name))


def _mini_streams(root: Storage) -> tuple[bytes, bytes, dict[tuple[str, ...], int]]:
    mini, chains, starts = b"", [], {}
    for path, content in _streams(root):
        count = -(-len(content) // _MINI)
        starts[path] = len(chains) if count else _END
        chains += [len(chains) + 1 + place for place in range(count - 1)] + ([_END] if count else [])
        mini += content.ljust(count * _MINI, b"\0")
    return mini, struct.pack(f"<{len(chains)}I", *chains), starts


def _directory(root: Storage, starts: Mapping[tuple[str, ...], int], mini_bytes: int) -> list[bytes]:
    entries = [b""]

    def add(storage: Storage, path: tuple[str, ...]) -> int:
        numbers = []
        for name, value in storage.items():
            numbers.append(len(entries))
            entries.append(b"")
            here = (*path, name)
            if isinstance(value, bytes):
                entries[numbers[-1]] = _entry(name, _STREAM, _FREE, starts[here], len(value))
            else:
                entries[numbers[-1]] = _entry(name, _STORAGE, add(value, here), 0, 0)
        for before, after in pairwise(numbers):
            entries[before] = entries[before][:72] + struct.pack("<I", after) + entries[before][76:]
        return numbers[0] if numbers else _FREE

    child = add(root, ())
    entries[0] = _entry("Root Entry", _ROOT, child, 0, mini_bytes)
    return entries


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII16sIQQIQ", text, len(text), kind, 1, _FREE, _FREE, child, bytes(16), 0, 0, 0, start, size
    )


def _cut(content: bytes) -> list[bytes]:
    return [content[place : place + _SECTOR].ljust(_SECTOR, b"\0") for place in range(0, len(content), _SECTOR)]
