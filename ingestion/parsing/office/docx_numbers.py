"""Numbers of list items as a Word file wants them written."""

from collections.abc import Callable
from typing import Final

_ROMAN: Final = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"),
    (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
_MOST_ROMAN: Final = 3999
_LETTERS: Final = 26
_MOST_LETTERS: Final = 10  # the 27th item is AA, the 53rd AAA
_HAN: Final = "〇一二三四五六七八九"
_MOST_HAN: Final = 99
_CIRCLES: Final = 20
_TENS: Final = 10
_TEENS: Final = (11, 12, 13)


def written(number: int, form: str) -> str:
    """Return a number, from 0, in a form that the standard names; in digits where that is not one of ours."""
    write = _WRITERS.get(form)
    return write(number) if write is not None else str(number)


def _roman(number: int) -> str:
    if not 1 <= number <= _MOST_ROMAN:
        return str(number)
    text = ""
    for value, letters in _ROMAN:
        count, number = divmod(number, value)
        text += letters * count
    return text


def _letters(number: int) -> str:
    times, letter = divmod(number - 1, _LETTERS)
    return chr(ord("A") + letter) * (times + 1) if 0 <= times < _MOST_LETTERS else str(number)


def _ordinal_ending(number: int) -> str:
    if number % 100 in _TEENS:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _han(number: int) -> str:
    tens, ones = divmod(number, _TENS)
    if not 1 <= number <= _MOST_HAN:
        return str(number)
    return (_HAN[tens] if tens > 1 else "") + ("十" if tens else "") + (_HAN[ones] if ones else "")


def _circled(number: int) -> str:
    return chr(ord("①") + number - 1) if 1 <= number <= _CIRCLES else str(number)


_WRITERS: Final[dict[str, Callable[[int], str]]] = {
    "upperRoman": _roman,
    "lowerRoman": lambda number: _roman(number).lower(),
    "upperLetter": _letters,
    "lowerLetter": lambda number: _letters(number).lower(),
    "decimalZero": lambda number: f"{number:02}",
    "ordinal": lambda number: f"{number}{_ordinal_ending(number)}",
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "chineseCounting": _han,
    "chineseCountingThousand": _han,
    "japaneseCounting": _han,
    "taiwaneseCountingThousand": _han,
}
