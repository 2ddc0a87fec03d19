"""Golden questions: what a corpus must be able to answer, and where the answer stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from rag_service.domain.answers import Message
from rag_service.domain.ids import CorpusId, GoldenId, TenantId
from rag_service.domain.spans import sha256_of

WEAK_BELOW = 30
"""With fewer accepted golden questions the gate of a corpus is weak, and says so."""


class GoldenState(StrEnum):
    """Whether a question counts. Proposed: it waits for a person to accept or reject it."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Origin(StrEnum):
    """Where a question comes from."""

    HAND = "hand"
    IMPORT = "import"
    FEEDBACK = "feedback"
    GAP = "gap"
    SYNTHESIS = "synthesis"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class GoldQuote:
    """Words of a document, by its key, that hold the answer: they survive when documents are cut another way."""

    document_key: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenQuestion:
    """A question with what is known about its answer. `messages` end with the question, earlier turns come before it.

    `answers` are wordings of the right answer, any of which will do. `origin_ref` names what it came from, as an answer
    does; `author` is the key that put it in; `edits` counts changes to the content from 1.
    """

    id: GoldenId
    tenant_id: TenantId
    corpus_id: CorpusId
    messages: tuple[Message, ...]
    answerable: bool
    answers: tuple[str, ...] = ()
    quotes: tuple[GoldQuote, ...] = ()
    note: str = ""
    state: GoldenState
    origin: Origin
    origin_ref: str | None = None
    author: str | None = None
    edits: int = 1
    created_at: datetime
    updated_at: datetime

    @property
    def question(self) -> str:
        """The turn that is to be answered."""
        return self.messages[-1].content

    @property
    def digest(self) -> str:
        """A hash of what is asked and expected; people's notes do not count."""
        return content_digest(self.messages, answerable=self.answerable, answers=self.answers, quotes=self.quotes)


class Digested(Protocol):
    """A question of a set."""

    @property
    def id(self) -> str:
        """Its name in the set."""

    @property
    def digest(self) -> str:
        """A hash of what is asked and expected."""


def content_digest(
    messages: Iterable[Message], *, answerable: bool, answers: Iterable[str], quotes: Iterable[GoldQuote]
) -> str:
    """Return a hash of what is asked and what is expected."""
    turns = [f"{message.role}: {message.content}" for message in messages]
    held = [f"{quote.document_key}\x1f{quote.text}" for quote in quotes]
    return sha256_of("\x1e".join([*turns, "\x1d", *answers, "\x1d", *held, str(answerable)]))


def digest_of(questions: Iterable[Digested]) -> str:
    """Return the version of a set of questions: the same for the same content, whatever its order."""
    return sha256_of("\n".join(sorted(f"{question.id} {question.digest}" for question in questions)))
