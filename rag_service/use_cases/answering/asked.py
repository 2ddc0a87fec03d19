"""A question with all that is known of it before anything is written."""

from dataclasses import dataclass
from datetime import datetime

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Passage, Question, SearchedWith, SourcesFound
from rag_service.domain.degradation import Degradation
from rag_service.domain.ids import AnswerId
from rag_service.domain.versions import PinnedVersion
from rag_service.ports.generator import AnswerRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question of one caller, with the passages found for it at the pinned version."""

    answer_id: AnswerId
    scope: AccessScope
    question: Question
    pinned: PinnedVersion
    searched_for: str
    passages: tuple[Passage, ...]
    answerability: float
    degraded: tuple[str, ...] = ()
    searched_with: SearchedWith | None = None
    created_at: datetime

    def sources(self) -> SourcesFound:
        """Return the first event of the answer."""
        return SourcesFound(
            answer_id=self.answer_id,
            corpus_name=self.pinned.corpus.name,
            version=self.pinned.number,
            passages=self.passages,
            created_at=self.created_at,
        )

    def request(self, max_tokens: int) -> AnswerRequest:
        """Return what a generator is asked."""
        earlier = self.question.messages[:-1]
        return AnswerRequest(
            question=self.searched_for,
            history=earlier,
            passages=self.passages,
            max_tokens=max_tokens,
            by_words=self.is_by_words,
        )

    @property
    def is_by_words(self) -> bool:
        """Whether the embedder was away, so that only words were looked for."""
        return Degradation.EMBEDDING in self.degraded
