"""Turn a draft into the next version, and publish it when it is meant to be.

Order: points first, then, in one transaction, the rows that make them visible. Every step can run twice:
the number and what it was taken against are noted before anything is written, and all else follows from them.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import Draft, DraftState, SealPurpose
from rag_service.domain.gates import GateDecision
from rag_service.domain.ids import DraftId
from rag_service.domain.jobs import JobKind, Priority, draft_job
from rag_service.domain.versions import Version
from rag_service.errors import Conflict, SlotTaken
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.sparse_encoder import DocumentFrequencies
from rag_service.settings import JobSettings
from rag_service.use_cases.chunk_progress import OnChunks, unheard
from rag_service.use_cases.draft_jobs import open_job_of
from rag_service.use_cases.gates import PublishGate
from rag_service.use_cases.seal_plan import SealPlan, StillHeld, number_of, read_plan
from rag_service.use_cases.unseal_draft import UnsealDraft
from rag_service.use_cases.write_version import WriteVersion


class SealDraft:
    """Brings a draft to where it was asked to be: sealed for a preview, or published."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        write_version: WriteVersion,
        unseal: UnsealDraft,
        gate: PublishGate,
        clock: Callable[[], datetime],
        settings: JobSettings,
    ) -> None:
        self._catalog = catalog
        self._write_version = write_version
        self._unseal = unseal
        self._gate = gate
        self._clock = clock
        self._silence = settings.silence
        self._starved_after = timedelta(seconds=settings.starved_after_s)

    async def __call__(
        self, scope: AccessScope, draft_id: DraftId, *, still_held: StillHeld, on_chunks: OnChunks = unheard
    ) -> Version:
        """Return the version made of the draft. Safe to repeat, also after a crash at any point.

        A draft that was sealed against something no longer published is unsealed and sealed again before it is published.
        One whose gate is shut stays sealed as a preview. One that waits for its verdict stays as it is: a job that brings the
        verdict is there, and the verdict has it published.

        Raises:
            SlotTaken: another draft goes first; a preview in the way is asked to make room.
            Conflict: the draft does not fit what is published, is not complete, or is discarded; or the parts of the build
                that it is sealed under cannot be opened.
            LeaseLost: by `still_held`; nothing is written after that.
        """
        await self._write_version.assert_possible(scope, draft_id)
        draft = await self._begin(scope, draft_id, still_held)
        while not _is_settled(draft) and await self._advance(scope, draft, still_held, on_chunks):
            draft = await self._begin(scope, draft_id, still_held)
        async with self._catalog.reading() as tx:
            return await tx.versions.get(scope, draft.corpus_id, number_of(draft))

    async def _begin(self, scope: AccessScope, draft_id: DraftId, still_held: StillHeld) -> Draft:
        """Return the draft, with its number if it was open."""
        try:
            async with self._catalog.writing() as tx:
                await still_held(tx)
                draft = await tx.drafts.get(scope, draft_id)
                if _is_settled(draft):
                    return draft
                await _assert_its_turn(tx, scope, draft)
                if draft.state in {DraftState.SEALED, DraftState.UNSEALING}:
                    return draft
                return await tx.drafts.start_sealing(scope, draft_id, self._clock())
        except SlotTaken:
            await self._ask_for_room(scope, draft_id)
            raise

    async def _advance(self, scope: AccessScope, draft: Draft, still_held: StillHeld, on_chunks: OnChunks) -> bool:
        """Bring the draft a step further; return whether another one may follow."""
        match draft.state:
            case DraftState.SEALING:
                return await self._seal(scope, draft, still_held, on_chunks)
            case DraftState.SEALED:
                return await self._publish(scope, draft, still_held)
            case _:
                await self._unseal.finish(scope, draft, still_held=still_held, on_chunks=on_chunks)
                return True

    async def _seal(self, scope: AccessScope, draft: Draft, still_held: StillHeld, on_chunks: OnChunks) -> bool:
        async with self._catalog.reading() as tx:
            plan = await read_plan(tx, scope, draft)
        frequencies = await self._write_version(scope, plan, still_held=still_held, on_chunks=on_chunks)
        async with self._catalog.writing() as tx:
            await still_held(tx)
            await tx.drafts.finish_sealing(scope, self._version(plan, frequencies), plan.difference, frequencies)
            if not _is_to_publish(draft):
                return True
            decision = await self._gate.decide(tx, scope, draft)
            if decision is GateDecision.OPEN:
                await self._switch(tx, scope, draft)
            return decision is not GateDecision.WAIT

    async def _publish(self, scope: AccessScope, draft: Draft, still_held: StillHeld) -> bool:
        async with self._catalog.writing() as tx:
            await still_held(tx)
            # No verdict is waited for that would be about something else than what goes live.
            if await _is_overtaken(tx, scope, draft):
                await tx.drafts.start_unsealing(scope, draft.id)
                return True
            decision = await self._gate.decide(tx, scope, draft)
            if decision is GateDecision.SHUT:
                await tx.drafts.hold_back(scope, draft.id)
            elif decision is GateDecision.OPEN and not await self._switch(tx, scope, draft):
                await tx.drafts.start_unsealing(scope, draft.id)
            return decision is not GateDecision.WAIT

    async def _switch(self, tx: Transaction, scope: AccessScope, draft: Draft) -> bool:
        """Publish a sealed draft, unless something else was published since it took its number."""
        # The log of what is published names the key that asked for it.
        asking = replace(scope, key_id=draft.asked_by)
        try:
            await tx.corpora.publish(
                asking, draft.corpus_id, number_of(draft), expected=draft.sealed_against or 0, now=self._clock()
            )
        except Conflict:
            return False
        await tx.drafts.mark_published(scope, draft.id)
        return True

    async def _ask_for_room(self, scope: AccessScope, draft_id: DraftId) -> None:
        """Have a preview that holds the slot unsealed by a job of its own, and sealed again after this publish."""
        async with self._catalog.writing() as tx:
            draft = await tx.drafts.get(scope, draft_id)
            # A verdict that comes at this moment is kept before or after, and not lost.
            await tx.corpora.lock(scope, draft.corpus_id)
            holder = await tx.drafts.in_slot(scope, draft.corpus_id)
            if not _is_to_publish(draft) or holder is None:
                return
            if holder.awaits_publish and not await self._gate.applies_to(tx, scope, holder):
                await self._gate.go_on(tx, scope, holder.id)  # nothing bars it any more
            elif await self._waits_in_vain(tx, scope, holder, draft):
                await self._gate.give_up(tx, scope, holder, "No evaluation worker took it.")
                holder = await tx.drafts.get(scope, holder.id)
            if not await _yields(tx, scope, holder):
                return
            try:
                await tx.drafts.start_unsealing(scope, holder.id)
            except Conflict:
                return  # it was published at this moment: there is room
            for kind in (JobKind.UNSEAL_DRAFT, JobKind.SEAL_DRAFT):
                await tx.jobs.add(draft_job(holder, kind, now=self._clock(), priority=Priority.PERSON))

    async def _waits_in_vain(self, tx: Transaction, scope: AccessScope, holder: Draft, asking: Draft) -> bool:
        """Say whether a draft keeps another one out for a verdict that nobody is there to give."""
        # Two that both wait for verdicts would have each other sealed again in turns.
        if not holder.awaits_publish or await self._gate.applies_to(tx, scope, asking):
            return False
        job = await open_job_of(tx, scope, holder, JobKind.EVALUATE_DRAFT)
        if job is None:
            return False
        now = self._clock()
        served = await tx.workers.served_kinds(since=now - self._silence)
        # The job may be one that was left from an earlier seal.
        sealed = await tx.versions.get(scope, holder.corpus_id, number_of(holder))
        since = max(job.lease_until or job.not_before, sealed.created_at)
        # A worker that is busy comes to it, and one that is started anew is back soon.
        return job.kind not in served and now - since > self._starved_after

    def _version(self, plan: SealPlan, frequencies: DocumentFrequencies) -> Version:
        return Version(
            corpus_id=plan.corpus.id,
            number=plan.number,
            draft_id=plan.draft.id,
            document_count=plan.document_count,
            chunk_count=frequencies.chunk_count,
            created_at=self._clock(),
            fingerprint=plan.fingerprint,
            notes=plan.draft.notes,
        )


def _is_to_publish(draft: Draft) -> bool:
    return draft.automatic or draft.purpose is SealPurpose.PUBLISH


def _is_settled(draft: Draft) -> bool:
    return draft.state is DraftState.PUBLISHED or (draft.state is DraftState.SEALED and not _is_to_publish(draft))


async def _is_overtaken(tx: Transaction, scope: AccessScope, draft: Draft) -> bool:
    corpus = await tx.corpora.get(scope, draft.corpus_id)
    return corpus.published != (draft.sealed_against or 0)


async def _assert_its_turn(tx: Transaction, scope: AccessScope, draft: Draft) -> None:
    # Its unsealing must be over, or a repetition of that job would take the new seal away.
    if await open_job_of(tx, scope, draft, JobKind.UNSEAL_DRAFT):
        raise SlotTaken(f"Draft {draft.id} is being unsealed.")
    if draft.state is DraftState.OPEN and not _is_to_publish(draft):
        await _assert_no_publish_waits(tx, scope, draft)


async def _assert_no_publish_waits(tx: Transaction, scope: AccessScope, preview: Draft) -> None:
    # Else a preview that made room could take the slot again before the publish looks at it.
    for other in await tx.drafts.list(scope, preview.corpus_id, states=frozenset({DraftState.OPEN})):
        if _is_to_publish(other) and await open_job_of(tx, scope, other, JobKind.SEAL_DRAFT):
            raise SlotTaken(f"Draft {other.id} of this corpus is published first.")


async def _yields(tx: Transaction, scope: AccessScope, holder: Draft) -> bool:
    is_preview = holder.state is DraftState.SEALED and not _is_to_publish(holder)
    # A job that has not ended would count as the one that seals it again.
    return is_preview and await open_job_of(tx, scope, holder, JobKind.SEAL_DRAFT) is None
