"""Made-up documents, as many as are wanted and always the same: words as unequally frequent as those of a language."""

from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rag_service.domain.rows import Row

_SYLLABLES = ["".join(pair) for pair in product("bdfgklmnprstvz", "aeiou")]
_WORDS = len(_SYLLABLES) ** 3
_SENTENCES = 9
_WORDS_PER_SENTENCE = 12
_STEEPNESS, _FLATNESS = 1.3, 3  # of Zipf's law: 20,000 words in 2,000 documents, 200,000 in 100,000


def made_rows(numbers: Sequence[int], *, edition: int = 1) -> list[Row]:
    """Return a document of one chunk for each number, with other words in another edition."""
    return [
        Row(id=f"row-{number}", title=_sentence(_picked(number, 0, 3)), text=made_text(number, edition=edition))
        for number in numbers
    ]


def made_text(number: int, *, edition: int = 1, sentences: int = _SENTENCES) -> str:
    """Return sentences of twelve words."""
    words = _picked(number, edition, sentences * _WORDS_PER_SENTENCE)
    return " ".join(
        _sentence(words[start : start + _WORDS_PER_SENTENCE]) + "."
        for start in range(0, len(words), _WORDS_PER_SENTENCE)
    )


def made_question(number: int, *, edition: int = 1) -> str:
    """Return a question in words of that document."""
    words = made_text(number, edition=edition).split()[2:_WORDS_PER_SENTENCE:2]
    return " ".join(words) + "?"


def _sentence(words: Sequence[str]) -> str:
    return " ".join(words).capitalize()


def _picked(number: int, edition: int, count: int) -> list[str]:
    places = np.searchsorted(_shares(), np.random.default_rng((number, edition)).random(count))
    return [_word(int(place)) for place in places]


@cache
def _shares() -> NDArray[np.float64]:
    shares = np.cumsum((np.arange(_WORDS) + _FLATNESS) ** -_STEEPNESS)
    whole: NDArray[np.float64] = shares / shares[-1]
    return whole


@cache
def _word(place: int) -> str:
    rest, low = divmod(place, len(_SYLLABLES))
    high, middle = divmod(rest, len(_SYLLABLES))
    return _SYLLABLES[low] + _SYLLABLES[middle] + _SYLLABLES[high]
