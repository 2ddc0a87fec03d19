"""Answers, and replies to repeated requests."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Answer, Feedback
from rag_service.domain.gaps import UnmetQuestion
from rag_service.domain.ids import AnswerId, CorpusId


class Answers(Protocol):
    """Stored answers and what people thought of them."""

    async def add(self, scope: AccessScope, answer: Answer) -> None:
        """Keep an answer, and note which revisions it shows and which earlier answers its conversation holds.

        Raises:
            Gone: a revision that it shows is there no longer; nothing is kept.
        """

    async def get(self, scope: AccessScope, answer_id: AnswerId) -> Answer:
        """Return an answer that this caller was given; a key with `admin` sees the tenant's. Else NotFound."""

    async def add_feedback(self, scope: AccessScope, feedback: Feedback) -> None:
        """Keep feedback, in place of the caller's earlier feedback on the same answer."""

    async def feedback(self, scope: AccessScope, answer_id: AnswerId) -> Sequence[Feedback]:
        """Return what people thought of an answer, newest first; NotFound as in `get`."""

    async def unmet(
        self, scope: AccessScope, corpus_id: CorpusId, *, since: datetime, limit: int
    ) -> Sequence[UnmetQuestion]:
        """Return the newest questions since a moment that were refused, answered in part or disliked, newest first.

        They are those of answers that `get` returns to this caller.
        """

    async def asked(self, scope: AccessScope, corpus_id: CorpusId, *, since: datetime, limit: int) -> Sequence[str]:
        """Return what some questions since a moment were searched for, drawn anew at each call.

        They are those of answers that `get` returns to this caller.
        """

    async def erased(self, scope: AccessScope, ids: Collection[AnswerId], *, lock: bool = False) -> set[AnswerId]:
        """Return those of these answers of the tenant that were erased or are to be; ids of nothing are not among them.

        With `lock` none of the others goes before this transaction ends.
        """


class IdempotentReplies(Protocol):
    """Replies to writes that came with an Idempotency-Key."""

    async def find(self, scope: AccessScope, key: str) -> tuple[str, int, str] | None:
        """Return (request hash, status, body) kept for the caller's key, or None."""

    async def keep(self, scope: AccessScope, key: str, request_hash: str, status: int, body: str) -> None:
        """Keep a reply; Conflict when the caller's key has one already."""

    async def forget(self, *, before: datetime) -> int:
        """Remove the replies of every tenant that were kept before a moment; return how many."""
