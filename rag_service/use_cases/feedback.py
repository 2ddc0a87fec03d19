"""What a person thought of an answer."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Feedback
from rag_service.domain.ids import AnswerId
from rag_service.ports.catalog import Catalog


class GiveFeedback:
    """Keeps thumbs up or down, in place of the caller's earlier ones."""

    def __init__(self, *, catalog: Catalog, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._clock = clock

    async def __call__(
        self, scope: AccessScope, *, answer_id: AnswerId, rating: Literal[-1, 1], comment: str
    ) -> Feedback:
        """Return what was kept, or raise NotFound for an answer the caller may not see."""
        feedback = Feedback(answer_id=answer_id, rating=rating, comment=comment, created_at=self._clock())
        async with self._catalog.writing() as tx:
            await tx.answers.get(scope, answer_id)
            await tx.answers.add_feedback(scope, feedback)
        return feedback
