"""Citation marks in generated text: [2], [1][3], [1, 2], 【1】, [Passage 4]."""

import re
from dataclasses import dataclass

_NUMBERS = r"\d{1,2}(?:\s{0,2}[,;]\s{0,2}\d{1,2})*"

MARK = re.compile(rf"[ \t]*[\[【](?:[a-z]{{1,9}}\s{{1,2}})?({_NUMBERS})(?:†[^\]】]{{0,40}})?[\]】]", re.IGNORECASE)

MARK_BEGUN = re.compile(
    rf"[ \t]*[\[【](?:[a-z]{{1,9}}\s{{0,2}})?(?:{_NUMBERS}(?:\s{{0,2}}[,;]?\s{{0,2}}|†[^\]】]{{0,40}}))?$",
    re.IGNORECASE,
)
"""Text that ends in what may become a mark."""

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedText:
    """A generated text without its marks, and the passage ranks they named, in order, each once."""

    text: str
    ranks: tuple[int, ...]


def parse_marks(text: str) -> MarkedText:
    """Take the marks, and the blanks before them, out of `text`."""
    numbers = [int(number) for match in MARK.finditer(text) for number in _NUMBER.findall(match.group(1))]
    return MarkedText(text=MARK.sub("", text), ranks=tuple(dict.fromkeys(numbers)))


def written_marks(ranks: tuple[int, ...]) -> str:
    """Return the marks of `ranks` as they are shown: [1][3]."""
    return "".join(f"[{rank}]" for rank in ranks)
