"""Drafts of corpora, from the first change to a sealed version."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog import draft_changes, sealing, unsealing
from rag_service.catalog.automatic_draft import automatic_draft
from rag_service.catalog.corpus_rows import read_corpus
from rag_service.catalog.database import insert_into
from rag_service.catalog.draft_rows import draft_in_slot, draft_of, open_draft, read_draft, update_draft
from rag_service.catalog.due_drafts import due_drafts
from rag_service.catalog.run_ends import end_with_draft
from rag_service.catalog.scoping import allowed_corpora
from rag_service.catalog.tables import LIVE, corpora, drafts
from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import DescribedChange, Draft, DraftChange, DraftState, SealPurpose
from rag_service.domain.ids import CorpusId, DocumentId, DraftId
from rag_service.domain.versions import Version, VersionDifference
from rag_service.errors import Conflict, NotFound
from rag_service.ports.sparse_encoder import DocumentFrequencies


class SqlDrafts:
    """Implements `ports.catalog.Drafts`."""

    def __init__(self, connection: AsyncConnection, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._clock = clock

    async def add(self, scope: AccessScope, draft: Draft) -> None:
        await read_corpus(self._connection, scope, draft.corpus_id)
        values = asdict(draft) | {"tenant_id": scope.tenant_id}
        named = insert_into(self._connection, drafts).values(values)
        if (await self._connection.execute(named.on_conflict_do_nothing())).rowcount == 0:
            raise Conflict(f"There is a draft named {draft.name} already.")

    async def automatic(self, scope: AccessScope, corpus_id: CorpusId, now: datetime) -> Draft:
        return await automatic_draft(self._connection, scope, corpus_id, now)

    async def get(self, scope: AccessScope, draft_id: DraftId) -> Draft:
        return await read_draft(self._connection, scope, draft_id)

    async def named(self, scope: AccessScope, corpus_id: CorpusId, ref: str) -> Draft:
        named = sa.or_(drafts.c.id == ref, sa.and_(drafts.c.name == ref, LIVE))
        found = (
            sa.select(drafts)
            .join(corpora)
            .where(allowed_corpora(scope), drafts.c.corpus_id == corpus_id, named)
            # An id wins over another draft that has it as its name.
            .order_by(sa.case((drafts.c.id == ref, 0), else_=1))
        )
        row = (await self._connection.execute(found)).first()
        if row is None:
            raise NotFound("draft", ref)
        return draft_of(row)

    async def in_slot(self, scope: AccessScope, corpus_id: CorpusId) -> Draft | None:
        await read_corpus(self._connection, scope, corpus_id)
        return await draft_in_slot(self._connection, corpus_id)

    async def set_changes(self, scope: AccessScope, draft_id: DraftId, changes: Sequence[DraftChange]) -> None:
        await draft_changes.set_changes(self._connection, scope, draft_id, changes, self._clock())

    async def drop_change(self, scope: AccessScope, draft_id: DraftId, document_id: DocumentId) -> None:
        await draft_changes.drop_change(self._connection, scope, draft_id, document_id)

    async def changes(self, scope: AccessScope, draft_id: DraftId) -> list[DraftChange]:
        return await draft_changes.changes_of(self._connection, scope, draft_id)

    async def described_changes(self, scope: AccessScope, draft_id: DraftId) -> list[DescribedChange]:
        return await draft_changes.described_changes(self._connection, scope, draft_id)

    async def discard(self, scope: AccessScope, draft_id: DraftId) -> None:
        draft = await open_draft(self._connection, scope, draft_id)
        if draft.automatic:
            raise Conflict("The automatic draft takes every upload and cannot be discarded.")
        await update_draft(self._connection, draft_id, state=DraftState.DISCARDED)
        await end_with_draft(self._connection, draft_id, self._clock())

    async def due(self, now: datetime, *, patience: timedelta) -> list[Draft]:
        return await due_drafts(self._connection, now, patience)

    async def ask_for_seal(self, scope: AccessScope, draft_id: DraftId, purpose: SealPurpose) -> Draft:
        return await sealing.ask(self._connection, scope, draft_id, purpose)

    async def hold_back(self, scope: AccessScope, draft_id: DraftId) -> None:
        await sealing.hold_back(self._connection, scope, draft_id)

    async def start_sealing(self, scope: AccessScope, draft_id: DraftId, now: datetime) -> Draft:
        return await sealing.start(self._connection, scope, draft_id, now)

    async def finish_sealing(
        self, scope: AccessScope, version: Version, difference: VersionDifference, frequencies: DocumentFrequencies
    ) -> None:
        await sealing.finish(self._connection, scope, version, difference, frequencies)

    async def start_unsealing(self, scope: AccessScope, draft_id: DraftId) -> Draft:
        return await unsealing.start(self._connection, scope, draft_id)

    async def finish_unsealing(self, scope: AccessScope, draft_id: DraftId) -> Draft:
        return await unsealing.finish(self._connection, scope, draft_id)

    async def mark_published(self, scope: AccessScope, draft_id: DraftId) -> None:
        await sealing.mark_published(self._connection, scope, draft_id)
        await end_with_draft(self._connection, draft_id, self._clock())

    async def list(self, scope: AccessScope, corpus_id: CorpusId, *, states: frozenset[DraftState]) -> list[Draft]:
        await read_corpus(self._connection, scope, corpus_id)
        wanted = drafts.select().where(drafts.c.corpus_id == corpus_id, drafts.c.state.in_(states))
        newest_first = wanted.order_by(drafts.c.created_at.desc(), drafts.c.id.desc())
        return [draft_of(row) for row in await self._connection.execute(newest_first)]
