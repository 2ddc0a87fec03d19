"""Are the numbers of an answer right?"""

import re
from collections.abc import Sequence
from decimal import Decimal

from eval.metrics.scores import Score, missing
from eval.metrics.text import NO_REFERENCE

NO_NUMBER = "the expected answer has no number"

_WORDS = {
    word: str(value)
    for value, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), start=1)
}
_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)
# A space, plain or narrow, separates thousands only before three digits that end there.
_NUMBER = re.compile(r"(?<![\w.,])[-\u2212](?=\d)|\d+(?:[.,'\u2019]\d+|[ \u00a0\u202f]\d{3}(?!\d))*")
_SPACES = re.compile(r"[ \u00a0\u202f'\u2019]")
_THOUSANDS = 3


def number_match(answer: str, expected: Sequence[str]) -> Score:
    """Return 1 when every number of one of `expected` occurs in the answer, however it is written, else 0.

    Equal are 1,234.5 and 1.234,5 and 1 234.5; 3.5 and 3,5; 12 %, 12 percent and 12; twelve and 12. A lone comma before
    exactly three digits separates thousands, a lone point begins decimals.
    """
    if not expected:
        return missing(NO_REFERENCE)
    wanted = [found for one in expected if (found := numbers_in(one))]
    if not wanted:
        return missing(NO_NUMBER)
    held = numbers_in(answer)
    return Score(float(any(numbers <= held for numbers in wanted)))


def numbers_in(text: str) -> frozenset[str]:
    """Return the numbers of a text in one way of writing."""
    digits = _WORD.sub(lambda match: _WORDS[match.group().casefold()], text)
    return frozenset(_signed(digits))


def _signed(text: str) -> list[str]:
    found, sign = [], ""
    for match in _NUMBER.finditer(text):
        if not match.group()[0].isdigit():
            sign = "-"
            continue
        found.append(sign + _plain(match.group()))
        sign = ""
    return found


def _plain(written: str) -> str:
    """The number without thousands separators and needless zeros; as it is when it is none, as 1.2.3 is none."""
    joined = _SPACES.sub("", written)
    last = max(joined.rfind("."), joined.rfind(","))
    if last < 0:
        return _decimal(joined, "")
    separators = {char for char in joined if char in ".,"}
    whole, tail = joined[:last], joined[last + 1 :]
    if len(separators) == 2:  # noqa: PLR2004  (both are used: the last one begins the decimals)
        return _decimal(whole.replace(",", "").replace(".", ""), tail)
    groups = re.split("[.,]", joined)
    if len(groups) == 2:  # noqa: PLR2004  (one separator)
        is_thousands = joined[last] == "," and len(tail) == _THOUSANDS and groups[0] != "0"
        return _decimal(whole + tail, "") if is_thousands else _decimal(whole, tail)
    return _decimal("".join(groups), "") if all(len(group) == _THOUSANDS for group in groups[1:]) else joined


def _decimal(whole: str, decimals: str) -> str:
    return format(Decimal(f"{whole}.{decimals or '0'}").normalize(), "f")
