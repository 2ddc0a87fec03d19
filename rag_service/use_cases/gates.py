"""The publish gate: whether a sealed draft may go live, and what follows from a verdict.

Whoever asks the golden questions is elsewhere; here their verdict is read. All of this happens in the caller's transaction,
so that a draft never waits for a verdict that nobody is to give.
"""

from collections.abc import Callable
from datetime import datetime

from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import Draft
from rag_service.domain.gates import Gate, GateDecision, Verdict, lets_through
from rag_service.domain.golden import GoldenState, digest_of
from rag_service.domain.ids import DraftId
from rag_service.domain.jobs import JobKind, Priority, draft_job
from rag_service.errors import NotFound
from rag_service.ports.catalog import Transaction
from rag_service.use_cases.seal_plan import number_of

COUNTING = frozenset({GoldenState.ACCEPTED})
"""The questions that a gate asks."""


class PublishGate:
    """Stands between a sealed draft and its publish. The automatic draft has no gate, nor has a corpus without questions."""

    def __init__(self, *, clock: Callable[[], datetime], is_on: bool) -> None:
        self._clock = clock
        self._is_on = is_on

    async def decide(self, tx: Transaction, scope: AccessScope, draft: Draft) -> GateDecision:
        """Say whether a draft may be published as it is sealed now.

        With WAIT there is a job that evaluates it, added here unless one is open. A verdict belongs to one number and to the
        questions that counted, so a draft that was sealed again waits for another one, as does one whose questions were
        added, mended or withdrawn since; and so does a draft that could not be measured.
        """
        if not await self.applies_to(tx, scope, draft):
            return GateDecision.OPEN
        decision = await self._follows(tx, scope, draft)
        if decision is GateDecision.WAIT:
            await self._add(tx, draft, JobKind.EVALUATE_DRAFT)
        return decision

    async def go_on(self, tx: Transaction, scope: AccessScope, draft_id: DraftId) -> None:
        """Have a draft published, or hold it back, after its evaluation; nothing if it does not wait for that any more.

        To be called in the transaction that keeps the verdict, after the job that brought it was closed there: a draft
        without a verdict about what it is now gets another job.
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

    async def give_up(self, tx: Transaction, scope: AccessScope, draft: Draft, reason: str) -> None:
        """Hold a sealed draft back without a verdict: only people have it measured again, by another publish."""
        # The corpus first, as a seal does: in another order the two could wait for each other.
        await tx.corpora.lock(scope, draft.corpus_id)
        questions = (await tx.golden.counts(scope, draft.corpus_id))[GoldenState.ACCEPTED]
        gate = new_gate(draft, Verdict.UNMEASURED, questions=questions, reason=reason, now=self._clock())
        await tx.gates.put(scope, gate)
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
        if gate.suite_digest != digest_of(await tx.golden.all(scope, draft.corpus_id, states=COUNTING)):
            return GateDecision.WAIT
        acceptances = await tx.gates.accepted(scope, draft.id)
        return GateDecision.OPEN if lets_through(gate, acceptances) else GateDecision.SHUT

    async def _add(self, tx: Transaction, draft: Draft, kind: JobKind) -> None:
        await tx.jobs.add(draft_job(draft, kind, now=self._clock(), priority=Priority.PERSON))


def new_gate(draft: Draft, verdict: Verdict, *, questions: int = 0, reason: str | None = None, now: datetime) -> Gate:
    """Return a verdict about a draft as it is sealed."""
    return Gate(
        tenant_id=draft.tenant_id,
        corpus_id=draft.corpus_id,
        draft_id=draft.id,
        number=number_of(draft),
        against=draft.sealed_against or 0,
        verdict=verdict,
        questions=questions,
        reason=reason,
        created_at=now,
    )
