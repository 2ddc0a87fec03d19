"""From a draft to a version: taking the number first, and writing the memberships last."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.database import insert_into
from rag_service.catalog.drafts import automatic_draft, read_draft
from rag_service.catalog.frequency_rows import values_of
from rag_service.catalog.scoping import allowed_corpora, unindexed
from rag_service.catalog.tables import (
    corpora,
    document_frequencies,
    documents,
    draft_changes,
    drafts,
    memberships,
    revisions,
    versions,
)
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import RevisionState
from rag_service.domain.drafts import Draft, DraftState
from rag_service.domain.ids import CorpusId, DraftId
from rag_service.domain.versions import OPEN, Member, Version, VersionDifference
from rag_service.errors import Conflict, NotFound
from rag_service.ports.sparse_encoder import DocumentFrequencies


async def start(connection: AsyncConnection, scope: AccessScope, draft_id: DraftId, now: datetime) -> Draft:
    """Give a draft its number; what is not ready moves to a new automatic draft, what failed is dropped."""
    draft = await read_draft(connection, scope, draft_id, lock=True)
    if draft.state is DraftState.SEALING:
        return draft
    if draft.state is DraftState.PUBLISHED:
        raise Conflict(f"Draft {draft_id} is published already.")
    # Taking the number locks the corpus's row, so the look at other drafts cannot become untrue.
    number = await _take_number(connection, draft.corpus_id)
    await _assert_none_sealing(connection, draft.corpus_id)
    await connection.execute(
        drafts.update().where(drafts.c.id == draft_id).values(state=DraftState.SEALING, number=number)
    )
    await _drop_failed(connection, draft_id)
    await _move_pending(connection, scope, draft, now)
    return await read_draft(connection, scope, draft_id)


async def finish(
    connection: AsyncConnection,
    scope: AccessScope,
    version: Version,
    difference: VersionDifference,
    frequencies: DocumentFrequencies,
) -> None:
    """Write memberships, frequencies and the version's row. Safe to repeat."""
    draft = await read_draft(connection, scope, version.draft_id, lock=True)
    if draft.state is DraftState.PUBLISHED and draft.number == version.number:
        return
    if draft.state is not DraftState.SEALING or draft.number != version.number or draft.corpus_id != version.corpus_id:
        raise Conflict(f"Draft {draft.id} is not being sealed as version {version.number}.")
    await _end_memberships(connection, version, difference.died)
    await _begin_memberships(connection, version, difference.born)
    await _write_version(connection, scope, version, frequencies)
    await _note_withdrawals(connection, draft.id)
    await connection.execute(drafts.update().where(drafts.c.id == draft.id).values(state=DraftState.PUBLISHED))


async def _take_number(connection: AsyncConnection, corpus_id: CorpusId) -> int:
    """Return the next number of the corpus; never the same twice."""
    raised = corpora.update().where(corpora.c.id == corpus_id).values(highest=corpora.c.highest + 1)
    return int((await connection.execute(raised.returning(corpora.c.highest))).scalar_one())


async def _assert_none_sealing(connection: AsyncConnection, corpus_id: CorpusId) -> None:
    sealing = sa.select(drafts.c.id).where(drafts.c.corpus_id == corpus_id, drafts.c.state == DraftState.SEALING)
    other = (await connection.execute(sealing)).scalar_one_or_none()
    if other is not None:
        raise Conflict(f"Draft {other} of this corpus is being sealed.")


async def _drop_failed(connection: AsyncConnection, draft_id: DraftId) -> None:
    failed = _leads_to(RevisionState.FAILED)
    await connection.execute(draft_changes.delete().where(draft_changes.c.draft_id == draft_id, failed))


async def _move_pending(connection: AsyncConnection, scope: AccessScope, draft: Draft, now: datetime) -> None:
    pending = sa.and_(draft_changes.c.draft_id == draft.id, _leads_to(RevisionState.PENDING))
    if (await connection.execute(sa.select(draft_changes.c.document_id).where(pending).limit(1))).first() is None:
        return
    target = await automatic_draft(connection, scope, draft.corpus_id, now)
    moved = sa.select(
        sa.literal(target.id), draft_changes.c.document_id, draft_changes.c.revision, draft_changes.c.changed_at
    ).where(pending)
    names = [column.name for column in draft_changes.c]
    # A change that the target has already is the newer one.
    copied = insert_into(connection, draft_changes).from_select(names, moved).on_conflict_do_nothing()
    await connection.execute(copied)
    await connection.execute(draft_changes.delete().where(pending))


def _leads_to(state: RevisionState) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        revisions.c.document_id == draft_changes.c.document_id,
        revisions.c.number == draft_changes.c.revision,
        revisions.c.state == state,
    )


async def _end_memberships(connection: AsyncConnection, version: Version, died: Iterable[Member]) -> None:
    ended = (
        memberships.update()
        .where(
            unindexed(memberships.c.corpus_id) == version.corpus_id,
            memberships.c.document_id == sa.bindparam("member_document"),
            memberships.c.revision == sa.bindparam("member_revision"),
            memberships.c.died == OPEN,
        )
        .values(died=version.number)
    )
    rows = [{"member_document": member.document_id, "member_revision": member.revision} for member in died]
    await _execute_many(connection, ended, rows)


async def _begin_memberships(connection: AsyncConnection, version: Version, born: Iterable[Member]) -> None:
    rows = [
        {
            "corpus_id": version.corpus_id,
            "document_id": member.document_id,
            "revision": member.revision,
            "born": version.number,
            "died": OPEN,
        }
        for member in born
    ]
    await _execute_many(connection, memberships.insert(), rows)


async def _execute_many(connection: AsyncConnection, statement: sa.UpdateBase, rows: list[dict[str, Any]]) -> None:
    for batch in batches(rows):
        await connection.execute(statement, batch)


async def _write_version(
    connection: AsyncConnection, scope: AccessScope, version: Version, frequencies: DocumentFrequencies
) -> None:
    fingerprint = sa.select(corpora.c.fingerprint).where(allowed_corpora(scope), corpora.c.id == version.corpus_id)
    found = (await connection.execute(fingerprint)).scalar_one_or_none()
    if found is None:
        raise NotFound("corpus", version.corpus_id)
    place = {"corpus_id": version.corpus_id, "number": version.number}
    await connection.execute(
        versions.insert().values(
            draft_id=version.draft_id,
            document_count=version.document_count,
            chunk_count=version.chunk_count,
            created_at=version.created_at,
            **place,
        )
    )
    await connection.execute(document_frequencies.insert().values(fingerprint=found, **place, **values_of(frequencies)))


async def _note_withdrawals(connection: AsyncConnection, draft_id: DraftId) -> None:
    deleted = sa.select(draft_changes.c.document_id).where(
        draft_changes.c.draft_id == draft_id, draft_changes.c.revision.is_(None)
    )
    withdrawn = documents.update().where(documents.c.id.in_(deleted))
    await connection.execute(withdrawn.values(withdrawn_revision=documents.c.latest_revision))
