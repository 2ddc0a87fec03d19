"""Which texts only repeat what others have said, word by word."""

import re
from itertools import pairwise

from rag_service.domain.words import word_set

_REPEATED = 0.9
"""From this share of its pairs of neighbouring words on a text is a copy: about one word in twenty may differ."""

_LONG = 20  # characters a word on average: there are no spaces between words
_DIGIT = re.compile(r"\d")
_SIGNS = ".,;:!?()[]\"'\u2018\u2019\u201c\u201d"
_TELLING = word_set("no not none never neither nor without cannot can't don't doesn't isn't aren't wasn't won't except")

_Pairs = frozenset[tuple[str, ...]]


class KnownTexts:
    """Texts that were taken, for finding those that are nearly contained in one of them."""

    def __init__(self) -> None:
        self._known: list[tuple[_Pairs, frozenset[str]]] = []

    def take(self, text: str) -> bool:
        """Take a text and say so, unless it only repeats one taken before.

        A text that has another number or a negation more is never a repetition, however alike the rest is.
        """
        words = _words(text)
        # A text of one word or none is compared as a whole.
        pairs: _Pairs = frozenset(pairwise(words)) or frozenset([tuple(words)])
        told = frozenset(words)
        enough = _REPEATED * len(pairs)
        if any(len(pairs & known) >= enough and not _tells(told - before) for known, before in self._known):
            return False
        self._known.append((pairs, told))
        return True


def _words(text: str) -> list[str]:
    # Splitting at spaces takes a tenth of the time that finding words takes, and copies have the same signs.
    words = text.casefold().split()
    return list("".join(words)) if len(text) > _LONG * len(words) else words


def _tells(words: frozenset[str]) -> bool:
    return any(word.strip(_SIGNS) in _TELLING or _DIGIT.search(word) for word in words)
