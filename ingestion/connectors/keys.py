"""Paths as keys: text for every path that a disk or a repository can hold, each path its own and readable again."""

import re

_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


def key_of(path: bytes) -> str:
    r"""Return `path` as text; what is not printable UTF-8, and the backslash, is written as \xNN."""
    return "".join(_written(character) for character in path.decode("utf-8", "surrogateescape"))


def path_of(key: str) -> bytes:
    """Return the path whose key is `key`."""
    return _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode("ascii")), key.encode("utf-8"))


def _written(character: str) -> str:
    if character.isprintable() and character != "\\":
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
