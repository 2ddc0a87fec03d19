"""How much work a reStructuredText is worth: docutils searches the rest of a paragraph for the end of each mark in it."""

import re
from typing import Any, Final

from docutils.parsers.rst.states import Inliner  # type: ignore[import-untyped]

_MARK: Final = re.compile(r"[*`|_:\[]")
_MOST_LINES: Final = 30_000
_MOST_CELL_CHARS: Final = 20_000_000
_MOST_STEPS: Final = 100_000_000
_STEPS_OF_A_PART: Final = 5000  # a paragraph, item or cell without marks takes as long as so many of the steps


class LaboriousError(Exception):
    """Reading the marks of this text would take far longer than those of any written by hand."""


def refuse_many_lines(text: str) -> None:
    """Raise LaboriousError for a text with more lines than are read mark by mark, or with tables as wide as a wall."""
    lines = [line for line in text.splitlines() if line and not line.isspace()]
    # For each cell of a drawn table the library looks through whole lines.
    cells = sum(len(line) * line.count("|") for line in lines if line.lstrip().startswith("|"))
    if len(lines) > _MOST_LINES or cells > _MOST_CELL_CHARS:
        raise LaboriousError


def metered_inliner() -> Any:
    """Return what reads the marks inside paragraphs; it raises LaboriousError when there is too much of it."""
    inliner = Inliner()  # not a class below it: the library looks for its patterns in the class itself
    read, steps_left = inliner.parse, _MOST_STEPS

    def parse(text: str, lineno: int, memo: Any, parent: Any) -> Any:
        nonlocal steps_left
        steps_left -= _STEPS_OF_A_PART + len(text) * len(_MARK.findall(text))
        if steps_left < 0:
            raise LaboriousError
        return read(text, lineno, memo, parent)

    inliner.parse = parse
    return inliner
