"""Content gaps: questions of one kind that the documents of a corpus leave open."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rag_service.domain.answers import AnswerStatus
from rag_service.domain.ids import AnswerId

UNMET_STATES = (AnswerStatus.ABSTAINED, AnswerStatus.PARTIAL)
_SMALL_TALK = "small_talk"
_BROKE_OFF = "generator_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmetQuestion:
    """A question that was refused, answered in part, or whose answer somebody disliked.

    `question` stands alone, without the conversation. `asked_by` tells people apart: the end user where the application
    names one, else the key.
    """

    answer_id: AnswerId
    question: str
    status: AnswerStatus
    reason: str | None
    is_disliked: bool
    asked_by: str | None
    created_at: datetime

    @property
    def is_about_content(self) -> bool:
        """Whether documents could mend it: not a disliked greeting, nor a model that broke off."""
        return self.reason != _SMALL_TALK and (self.is_disliked or self.reason != _BROKE_OFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Questions that ask about one thing, newest first. `medoid` is most like all of them.

    `words` tell them from other questions, the most telling first; none when they are written in signs alone.
    `is_golden`: the corpus has a golden question that asks what the medoid asks.
    """

    words: tuple[str, ...]
    medoid: UnmetQuestion
    questions: tuple[UnmetQuestion, ...]
    is_golden: bool

    def count(self, status: AnswerStatus) -> int:
        """Return how many ended like this."""
        return sum(one.status is status for one in self.questions)

    @property
    def disliked(self) -> int:
        """How many answers somebody disliked."""
        return sum(one.is_disliked for one in self.questions)

    @property
    def people(self) -> int:
        """How many asked."""
        return len({one.asked_by for one in self.questions})

    @property
    def reasons(self) -> dict[str, int]:
        """Why they were not, or not wholly, answered, the most frequent first."""
        return dict(Counter(one.reason for one in self.questions if one.reason).most_common())

    @property
    def first_seen(self) -> datetime:
        """When the oldest was asked."""
        return self.questions[-1].created_at

    @property
    def last_seen(self) -> datetime:
        """When the newest was asked."""
        return self.questions[0].created_at


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundGaps:
    """The gaps of a corpus in the questions since a moment, the largest first, and the questions that are like no other.

    `is_cut`: there are more questions than were looked at; the oldest were left out.
    """

    corpus_id: str
    since: datetime
    gaps: Sequence[Gap]
    alone: Sequence[UnmetQuestion]
    is_cut: bool

    @property
    def looked_at(self) -> int:
        """How many questions there are in all."""
        return len(self.alone) + sum(len(gap.questions) for gap in self.gaps)
