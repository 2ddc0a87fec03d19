"""What suites are made of: texts to load, and what to ask about them."""

from collections.abc import Mapping
from dataclasses import dataclass

from rag_service.domain.answers import Message
from rag_service.domain.golden import GoldQuote, content_digest
from rag_service.errors import RagError


class DataAbsent(RagError):
    """The data of a suite is not on this machine: it is skipped, not failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A document of a data set."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query and its judged documents, with grades; relevant above 0."""

    id: str
    text: str
    grades: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question with what is known about its answer. `messages` end with it, earlier turns come before it.

    `answers` are wordings of the right answer, `quotes` the words that hold it; a quote without text stands for its
    whole document.
    """

    id: str
    messages: tuple[Message, ...]
    answerable: bool
    answers: tuple[str, ...] = ()
    quotes: tuple[GoldQuote, ...] = ()

    @property
    def question(self) -> str:
        """The turn that is to be answered."""
        return self.messages[-1].content

    @property
    def digest(self) -> str:
        """A hash of what is asked and expected."""
        return content_digest(self.messages, answerable=self.answerable, answers=self.answers, quotes=self.quotes)


def asked(question: str) -> tuple[Message, ...]:
    """Return a conversation of one question."""
    return (Message(role="user", content=question),)
