"""Names that are no plain words: error codes, part numbers, versions, addresses, paths, names in programs."""

import re
from collections.abc import Iterator

# Not a hyphen, comma or colon alone: these also stand between words, by rule or because somebody forgot a space.
_SIGNS = re.compile(r"[\d_+#@&./\\]|::")
_BETWEEN_PIECES = re.compile(r"[@&/\\,:]+")
_WITHIN_PIECES = re.compile(r"[-_]")
_VERSION = re.compile(r"v\d+(?:\.\d+)*", re.IGNORECASE)
_HUMPS = re.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_LETTERS_OR_DIGITS = re.compile(r"[a-zA-Z]+|\d+")


def wholes_of(token: str) -> Iterator[str]:
    """Yield a token of several parts if it means something as a whole, as `err-1042` does and `short-lived` does not.

    Of a version also without its v.
    """
    if _SIGNS.search(token):
        yield token
    if _VERSION.fullmatch(token):
        yield token[1:]


def pieces_of(token: str) -> Iterator[str]:
    """Yield what else a token names, in its case.

    `etc/nginx.conf` names nginx.conf, `jane@example.com` example.com; `err-1042` is written err1042 too.
    """
    pieces = [piece for piece in _BETWEEN_PIECES.split(token) if piece]
    for piece in pieces:
        if len(pieces) > 1:
            yield piece
        joined = _WITHIN_PIECES.sub("", piece)
        if joined != piece and joined.isalnum():
            yield joined


def words_within(part: str) -> list[str]:
    """Return the words of a name that has no sign between them, as `getUserName` and `err1042`; none for a plain word."""
    if not part.isascii() or part.isdigit() or (part.islower() and part.isalpha()):
        return []
    found = [word for hump in _HUMPS.split(part) for word in _LETTERS_OR_DIGITS.findall(hump)]
    return found if len(found) > 1 else []
