"""From a question and passages to a text with citation marks."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag_service.domain.answers import Message, Passage, Usage

NO_ANSWER = "NO_ANSWER"
"""What a generator writes instead of an answer when the passages hold none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRequest:
    """What to answer. `question` stands alone (follow-ups are rewritten); passages are numbered by their rank.

    `by_words`: the embedding model did not answer, so who can do without it does not ask it.
    """

    question: str
    history: tuple[Message, ...]
    passages: Sequence[Passage]
    max_tokens: int
    by_words: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """A piece of generated text; the last one may carry the usage.

    `by_stand_in`: from here on another generator writes than the one that was to.
    """

    text: str
    usage: Usage | None = None
    by_stand_in: bool = False


class Generator(Protocol):
    """Writes an answer whose sentences end in marks like [2], each naming a passage by its rank.

    Nothing it writes is trusted: every sentence is verified before it leaves.
    Closing the iterator stops the generation upstream within a second.

    Raises:
        GeneratorUnavailable: before or during the stream.
    """

    @property
    def name(self) -> str:
        """Backend and model, for the answer record."""

    @property
    def prompt_version(self) -> str:
        """Which prompt it uses; "none" when it uses none."""

    def generate(self, request: AnswerRequest) -> AsyncGenerator[Fragment, None]:
        """Yield the answer piece by piece."""
