"""Golden questions that ask the same in almost the same words."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Generic, Protocol, TypeVar

from rag_service.domain.answers import Message
from rag_service.domain.words import words

RESEMBLANCE = 0.9
"""From this share of common words on two questions are one; the measure is Broder's (1997), over words."""

_HAS_DIGIT = re.compile(r"\d")


class Asking(Protocol):
    """Something that asks a question."""

    @property
    def messages(self) -> Sequence[Message]:
        """The conversation that ends with it."""


Question = TypeVar("Question", bound=Asking)


@dataclass(frozen=True, slots=True)
class _Asked:
    words: frozenset[str]
    numbers: frozenset[str]
    before: tuple[str, ...]


class KnownQuestions(Generic[Question]):
    """Questions by what they ask, for finding duplicates among thousands."""

    def __init__(self, questions: Iterable[Question] = ()) -> None:
        self._by_word: dict[str, list[tuple[_Asked, Question]]] = defaultdict(list)
        for question in questions:
            self.add(question)

    def add(self, question: Question) -> None:
        """Know one more."""
        asked = _asked(question.messages)
        for word in _prefix(asked.words):
            self._by_word[word].append((asked, question))

    def like(self, messages: Sequence[Message]) -> Question | None:
        """Return a known one that asks the same: after the same turns, with the same numbers; None when there is none."""
        asked = _asked(messages)
        near = (one for word in _prefix(asked.words) for one in self._by_word.get(word, ()))
        return next((question for known, question in near if _alike(asked, known)), None)


def _asked(messages: Sequence[Message]) -> _Asked:
    said = words(messages[-1].content)
    earlier = tuple(word for message in messages[:-1] for word in (message.role, *words(message.content)))
    # A question in signs alone is compared as it stands.
    found = frozenset(said) or frozenset({messages[-1].content.strip()})
    return _Asked(found, frozenset(filter(_HAS_DIGIT.search, found)), earlier)


def _alike(one: _Asked, other: _Asked) -> bool:
    if one.before != other.before or one.numbers != other.numbers:
        return False
    return len(one.words & other.words) >= RESEMBLANCE * len(one.words | other.words)


def _prefix(found: frozenset[str]) -> list[str]:
    """Return words of which two sets that resemble one another have at least one in common (Bayardo et al. 2007)."""
    rarest_first = sorted(found, key=lambda word: (-len(word), word))
    return rarest_first[: len(found) - ceil(RESEMBLANCE * len(found)) + 1]
