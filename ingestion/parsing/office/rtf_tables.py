"""What the head of an RTF says of fonts and styles: the code pages of bytes, the levels of headings."""

import re
from typing import Final

from ingestion.parsing.office.rtf_tokens import DEFAULT_PAGE, page_of_charset, page_of_number

_HEADING: Final = re.compile(r"\s*heading (\d)\s*;", re.IGNORECASE)
_TITLE: Final = re.compile(r"\s*Title\s*;", re.IGNORECASE)

TABLE_WORDS: Final = frozenset({"ansicpg", "deff", "f", "fcharset", "s", "outlinelevel"})


class Tables:
    """Fills itself while the tables of fonts and styles are read."""

    def __init__(self) -> None:
        self.page = DEFAULT_PAGE
        self._pages: dict[int, str | None] = {}
        self._levels: dict[int, int] = {}
        self._entry = 0
        self._default_font = 0

    def note(self, word: str, number: int | None, reading: str) -> None:
        """Take in a word; `reading` says inside which table."""
        if word == "ansicpg":
            self.page = page_of_number(number)
        elif word == "deff":
            self._default_font = number or 0
        elif (reading, word) in (("fonttbl", "f"), ("stylesheet", "s")):
            self._entry = number or 0
        elif (reading, word) == ("fonttbl", "fcharset"):
            self._pages[self._entry] = page_of_charset(number)
        elif (reading, word) == ("stylesheet", "outlinelevel") and number is not None:
            self._levels[self._entry] = number + 1

    def name_style(self, name: str) -> None:
        """Take in the name of the style at hand; those of headings are alike in every language."""
        heading = _HEADING.match(name)
        if heading:
            self._levels[self._entry] = max(1, int(heading[1]))
        elif _TITLE.match(name):
            self._levels[self._entry] = 1

    def page_of_font(self, number: int | None) -> str:
        """Return the code page of a font; None stands for the font of text that names none."""
        return self._pages.get(self._default_font if number is None else number) or self.page

    def level_of_style(self, number: int | None) -> int | None:
        """Return the level of headings in a style, None when it is no heading's."""
        return self._levels.get(number or 0)
