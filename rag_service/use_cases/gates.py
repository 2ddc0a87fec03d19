"""The publish gate: whether a sealed draft may go live, and what follows from a verdict.

Whoever asks the golden questions is elsewhere; here their verdict is read. All of this happens in the caller's transaction,
so that a draft never waits for a verdict that nobody is to give.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import Draft
from rag_service.domain.gates import Gate, GateDecision, Verdict, lets_through
from rag_service.domain.golden import GoldenQuestion, GoldenState
from rag_service.domain.ids import DraftId
from rag_service.domain.jobs import JobKind, Priority, draft_job
from rag_service.errors import NotFound
from rag_service.ports.catalog import Transaction

COUNTING = frozenset({GoldenState.ACCEPTED})
"""The questions that a gate asks."""


class PublishGate:
    """Stands between a sealed draft and its publish. The automatic draft has no gate, nor has a corpus without questions."""

    def __init__(self, *, clock: Callable[[], datetime], is_on: bool) -> None:
        self._clock = clock
        self._is_on = is_on

    async def decide(self, tx: Transaction, scope: AccessScope, draft: Draft) -> GateDecision:
        """Say whether a draft may be published as it is sealed now.

        With WAIT there is a job that evaluates it, added here unless one is open. A verdict belongs to one number, so a
        draft that was sealed again waits for another one; so does a draft that could not be measured, and one that was
        blocked by questions which were mended or withdrawn since.
        """
        if not await self.applies_to(tx, scope, draft):
            return GateDecision.OPEN
        decision = await self._follows(tx, scope, draft)
        if decision is GateDecision.WAIT:
            await self._add(tx, draft, JobKind.EVALUATE_DRAFT)
        return decision

    async def go_on(self, tx: Transaction, scope: AccessScope, gate: Gate) -> None:
        """Have a draft published, or hold it back, after its verdict.

        To be called in the transaction that keeps the verdict, after the job that brought it was closed there: a draft that
        was sealed again meanwhile gets another job.
        """
        draft = await tx.drafts.get(scope, gate.draft_id)
        if gate.verdict is Verdict.UNMEASURED and gate.number == draft.number:
            # Only people have it measured again: whatever failed would fail again at once.
            await tx.drafts.hold_back(scope, draft.id)
            return
        await self.resume(tx, scope, draft.id)

    async def resume(self, tx: Transaction, scope: AccessScope, draft_id: DraftId) -> None:
        """Do what is to be done for a draft whose evaluation ended without a verdict; nothing if it waits for none.

        To be called like `go_on`.
        """
        try:
            draft = await tx.drafts.get(scope, draft_id)
        except NotFound:
            return
        if not draft.awaits_publish:
            return
        match await self.decide(tx, scope, draft):
            case GateDecision.OPEN:
                await self._add(tx, draft, JobKind.SEAL_DRAFT)
            case GateDecision.SHUT:
                await tx.drafts.hold_back(scope, draft.id)

    async def applies_to(self, tx: Transaction, scope: AccessScope, draft: Draft) -> bool:
        """Say whether there is a gate before this draft."""
        if draft.automatic or not self._is_on:
            return False
        return (await tx.golden.counts(scope, draft.corpus_id))[GoldenState.ACCEPTED] > 0

    async def _follows(self, tx: Transaction, scope: AccessScope, draft: Draft) -> GateDecision:
        gate = await tx.gates.of_draft(scope, draft.id)
        if gate is None or gate.number != draft.number or gate.verdict is Verdict.UNMEASURED:
            return GateDecision.WAIT
        accepted = {acceptance.question_id for acceptance in await tx.gates.accepted(scope, draft.id)}
        if lets_through(gate, accepted):
            return GateDecision.OPEN
        questions = await tx.golden.all(scope, draft.corpus_id, states=COUNTING)
        return GateDecision.WAIT if _is_outdated(gate, questions, self._clock()) else GateDecision.SHUT

    async def _add(self, tx: Transaction, draft: Draft, kind: JobKind) -> None:
        await tx.jobs.add(draft_job(draft, kind, now=self._clock(), priority=Priority.PERSON))


def _is_outdated(gate: Gate, questions: Sequence[GoldenQuestion], now: datetime) -> bool:
    """Say whether a question that is worse off was changed since, or counts no more.

    A change ahead of now was noted by a clock that was wrong: taken for later, it would outdate every verdict to come.
    """
    changed_at = {question.id: question.updated_at for question in questions}
    blamed = {regression.question_id for regression in gate.regressions}
    return any(
        question_id not in changed_at or gate.created_at < changed_at[question_id] <= now for question_id in blamed
    )
