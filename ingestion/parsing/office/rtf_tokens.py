"""The tokens of RTF and the code pages of its bytes."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)|\\"
)
_PAGE_OF_CHARSET: Final = {
    "77": "mac_roman", "128": "cp932", "129": "cp949", "130": "johab", "134": "gbk", "136": "cp950", "161": "cp1253",
    "162": "cp1254", "163": "cp1258", "177": "cp1255", "178": "cp1256", "186": "cp1257", "204": "cp1251",
    "222": "cp874", "238": "cp1250", "254": "cp437",
}  # fmt: skip
_PAGE_OF_NUMBER: Final = {"65001": "utf-8", "10000": "mac_roman", "1361": "johab", "936": "gbk"}
DEFAULT_PAGE: Final = "cp1252"


@dataclass(frozen=True, slots=True)
class Token:
    """One of: a brace, a control word or symbol with its number, bytes of text."""

    word: str = ""
    number: int | None = None
    content: bytes = b""


OPEN, CLOSE = Token("{"), Token("}")


def tokens(content: bytes) -> Iterator[Token]:
    """Yield the tokens; pictures in binary are left out, as nothing in them is a token."""
    place = 0
    while found := _TOKEN.match(content, place):
        place = found.end()
        word, number, byte, symbol, brace, text = found.groups()
        if text is not None:
            yield Token(content=text)
        elif byte is not None:
            yield Token("'", content=bytes((int(byte, 16),)))
        elif brace is not None:
            yield OPEN if brace == b"{" else CLOSE
        elif word == b"bin":
            place += max(0, int(number or 0))
        elif word is not None:
            yield Token(word.decode("ascii"), None if number is None else int(number))
        elif symbol is not None:
            yield Token(symbol.decode("latin-1"))


def page_of_charset(charset: int | None) -> str | None:
    """Return the code page of a font's character set, None for the one of the document."""
    return _PAGE_OF_CHARSET.get(str(charset))


def page_of_number(number: int | None) -> str:
    """Return the code page that the document names by its number."""
    name = _PAGE_OF_NUMBER.get(str(number), f"cp{number}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return DEFAULT_PAGE
