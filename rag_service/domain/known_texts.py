"""Which texts only repeat what others have said, word by word."""

import re
from collections import Counter, defaultdict
from itertools import pairwise

from rag_service.domain.words import forgettable_words, word_set

_REPEATED = 0.9
"""From this share of its pairs of neighbouring words on a text is a copy: about one word in twenty may differ."""

_DIGIT = re.compile(r"\d")
_TELLING = word_set("no not none never neither nor without cannot can't don't doesn't isn't aren't wasn't won't except")


class KnownTexts:
    """Texts that were taken, for finding those that are nearly contained in one of them."""

    def __init__(self) -> None:
        self._words: list[frozenset[str]] = []
        self._places: dict[object, list[int]] = defaultdict(list)

    def take(self, text: str) -> bool:
        """Take a text and say so, unless it only repeats one taken before.

        A text that has another number or a negation more is never a repetition, however alike the rest is.
        """
        words = forgettable_words(text)
        # A text of one word or none is compared as a whole.
        pairs: frozenset[object] = frozenset(pairwise(words)) or frozenset([" ".join(text.split()).casefold()])
        shared = Counter(place for pair in pairs for place in self._places.get(pair, ()))
        told = frozenset(words)
        if any(count >= _REPEATED * len(pairs) and not _tells(told, self._words[at]) for at, count in shared.items()):
            return False
        for pair in pairs:
            self._places[pair].append(len(self._words))
        self._words.append(told)
        return True


def _tells(told: frozenset[str], known: frozenset[str]) -> bool:
    return any(word in _TELLING or _DIGIT.search(word) for word in told - known)
