"""What becomes of the draft of a run once everything is in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ingestion.sources.bringing import failed, keep_origins
from ingestion.sources.planning import counted
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import DraftState, SealPurpose
from rag_service.domain.ids import DocumentId, DraftId
from rag_service.domain.jobs import JobKind
from rag_service.domain.sync import BRINGING, ChangeState, Publishing, RunState, Source, SourceChange, SourceRun
from rag_service.errors import Conflict, SlotTaken
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.reasons import ADVICE, ReasonCode
from rag_service.use_cases.draft_jobs import open_job_of
from rag_service.use_cases.drafts import ManageDrafts
from rag_service.use_cases.seal_plan import StillHeld

OVERTAKEN = "Its documents were changed by others meanwhile. Look at the draft, mend it and publish it, or discard it."
NOT_PUBLISHED = "Its draft was not published. Look at its gate and its jobs, then publish the draft or discard it."

_ON_THE_WAY = (JobKind.SEAL_DRAFT, JobKind.EVALUATE_DRAFT, JobKind.UNSEAL_DRAFT)


class EndRun:
    """Waits for the documents of a run, leaves out those that cannot be read, and publishes or holds the rest."""

    def __init__(self, *, catalog: Catalog, drafts: ManageDrafts, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._drafts = drafts
        self._clock = clock

    async def __call__(self, scope: AccessScope, source: Source, run: SourceRun, still_held: StillHeld) -> None:
        """Bring the run to its end, or its draft to a person.

        Raises:
            SlotTaken: other jobs have to end first.
        """
        draft_id = run.draft_id
        if draft_id is None:
            return
        if run.state is RunState.RUNNING:
            run = await self._note(scope, replace(run, state=RunState.PREPARING), still_held)
        if run.state is RunState.PREPARING:
            run = await self._prepare(scope, run, draft_id, still_held)
        if run.state is RunState.PREPARING:
            run = await self._publish(scope, source, run, draft_id, still_held)
        if run.state is RunState.PUBLISHING:
            await self._wait(scope, run, draft_id, still_held)

    async def _prepare(self, scope: AccessScope, run: SourceRun, draft_id: DraftId, still_held: StillHeld) -> SourceRun:
        async with self._catalog.reading() as tx:
            pending = await tx.source_runs.pending(scope, draft_id)
        if pending:
            raise SlotTaken("Its documents are being prepared.")
        async with self._catalog.writing() as tx:
            await still_held(tx)
            planned = await tx.source_runs.changes(scope, run.id)
            failures = await tx.source_runs.failures(scope, draft_id)
            changes = await _leave_out(tx, scope, run, draft_id, planned, failures)
            run = replace(run, counts=counted(changes, run.counts))
            if await tx.drafts.changes(scope, draft_id):
                await tx.source_runs.note(scope, run)
                return run
            return await self._end_empty(tx, scope, run)

    async def _end_empty(self, tx: Transaction, scope: AccessScope, run: SourceRun) -> SourceRun:
        """End a run that has nothing to publish. What it saw is what the source holds."""
        await tx.source_runs.note(scope, run)
        await tx.source_runs.take_over(scope, run.id)
        await tx.source_runs.end(scope, run.id, RunState.UNCHANGED, error=None, now=self._clock())
        return replace(run, state=RunState.UNCHANGED)

    async def _publish(
        self, scope: AccessScope, source: Source, run: SourceRun, draft_id: DraftId, still_held: StillHeld
    ) -> SourceRun:
        if source.publish is Publishing.HOLD:
            return await self._note(scope, replace(run, state=RunState.HELD), still_held)
        # The log of what is published names the key that asked for it.
        asking = replace(scope, key_id=run.asked_by)
        try:
            await self._drafts.ask_for_seal(
                asking, corpus=source.corpus_id, draft=draft_id, purpose=SealPurpose.PUBLISH
            )
        except Conflict:
            # When the draft was published already, so was the run ended, and this changes nothing.
            return await self._note(scope, replace(run, state=RunState.HELD, error=OVERTAKEN), still_held)
        return await self._note(scope, replace(run, state=RunState.PUBLISHING), still_held)

    async def _wait(self, scope: AccessScope, run: SourceRun, draft_id: DraftId, still_held: StillHeld) -> None:
        async with self._catalog.reading() as tx:
            draft = await tx.drafts.get(scope, draft_id)
            jobs = [await open_job_of(tx, scope, draft, kind) for kind in _ON_THE_WAY]
        if draft.state in {DraftState.PUBLISHED, DraftState.DISCARDED}:
            return
        if any(jobs):
            raise SlotTaken("Its draft is being published.")
        await self._note(scope, replace(run, state=RunState.HELD, error=NOT_PUBLISHED), still_held)

    async def _note(self, scope: AccessScope, run: SourceRun, still_held: StillHeld) -> SourceRun:
        """Note how far the run is, and return it as it is now: it may have ended with its draft."""
        async with self._catalog.writing() as tx:
            await still_held(tx)
            await tx.source_runs.note(scope, run)
            return await tx.source_runs.get(scope, run.id)


async def _leave_out(
    tx: Transaction,
    scope: AccessScope,
    run: SourceRun,
    draft_id: DraftId,
    changes: Sequence[SourceChange],
    failures: Mapping[DocumentId, ReasonCode | None],
) -> Sequence[SourceChange]:
    """Take out of the draft what could not be prepared, and return the plan as it is then."""
    lines = [
        failed(change, ADVICE[failures[document_id] or ReasonCode.INTERNAL], for_good=True)
        for change in changes
        if change.kind in BRINGING and change.state is ChangeState.DONE
        if (document_id := change.document_id) is not None and document_id in failures
    ]
    if not lines:
        return changes
    await tx.source_runs.note_changes(scope, run.id, lines)
    left = await keep_origins(tx, scope, run.id, lines)
    there = {change.document_id for change in await tx.drafts.changes(scope, draft_id)}
    for document_id in [*(line.document_id for line in lines), *left]:
        if document_id is not None and document_id in there:
            await tx.drafts.drop_change(scope, draft_id, document_id)
    return await tx.source_runs.changes(scope, run.id)
