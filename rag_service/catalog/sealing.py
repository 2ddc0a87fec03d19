"""From a draft to a version: taking the number first, writing the memberships last, and then publishing."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.automatic_draft import automatic_draft
from rag_service.catalog.build_rows import assert_build, sync_build
from rag_service.catalog.corpus_rows import read_corpus
from rag_service.catalog.database import insert_into
from rag_service.catalog.draft_changes import revision_changed_to
from rag_service.catalog.draft_rows import draft_in_slot, read_draft, update_draft
from rag_service.catalog.frequency_rows import keep_frequencies
from rag_service.catalog.latest import note_withdrawals, raise_latest
from rag_service.catalog.membership_rows import write_memberships
from rag_service.catalog.sealable import assert_sealable
from rag_service.catalog.tables import corpora, draft_changes, memberships, revisions, versions
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import RevisionState
from rag_service.domain.drafts import Draft, DraftState, SealPurpose
from rag_service.domain.ids import DraftId
from rag_service.domain.versions import Corpus, Version, VersionDifference
from rag_service.errors import Conflict, SlotTaken
from rag_service.ports.sparse_encoder import DocumentFrequencies


async def ask(connection: AsyncConnection, scope: AccessScope, draft_id: DraftId, purpose: SealPurpose) -> Draft:
    """Note what an open or sealed draft is to be sealed for, and refuse at once what could not be sealed."""
    draft = await read_draft(connection, scope, draft_id, lock=True)
    if draft.state not in {DraftState.OPEN, DraftState.SEALED}:
        raise Conflict(f"Draft {draft_id} is {draft.state}.")
    if not draft.automatic:
        corpus = await read_corpus(connection, scope, draft.corpus_id)
        await assert_sealable(connection, scope, draft, published=corpus.published)
    await update_draft(connection, draft_id, purpose=purpose, asked_by=scope.key_id)
    return await read_draft(connection, scope, draft_id)


async def hold_back(connection: AsyncConnection, scope: AccessScope, draft_id: DraftId) -> None:
    """Make a preview of a sealed held draft: a publish that never comes would keep every other draft from the slot."""
    draft = await read_draft(connection, scope, draft_id, lock=True)
    if draft.state is DraftState.SEALED and not draft.automatic:
        await update_draft(connection, draft_id, purpose=SealPurpose.PREVIEW)


async def start(connection: AsyncConnection, scope: AccessScope, draft_id: DraftId, now: datetime) -> Draft:
    """Take the slot and a number, and note what is published now."""
    corpus_id = (await read_draft(connection, scope, draft_id)).corpus_id
    # Whoever seals or publishes locks the corpus's row, so nothing that is read from here on becomes untrue. The corpus
    # first, as who keeps a verdict: in another order the two could wait for each other.
    corpus = await read_corpus(connection, scope, corpus_id, lock=True)
    draft = await read_draft(connection, scope, draft_id, lock=True)
    if draft.state is DraftState.SEALING:
        return draft
    if draft.state is not DraftState.OPEN:
        raise Conflict(f"Draft {draft_id} is neither open nor being sealed, but {draft.state}.")
    holder = await draft_in_slot(connection, corpus.id)
    if holder is not None:
        raise SlotTaken(f"Draft {holder.id} of this corpus is {holder.state}.")
    if not draft.automatic:
        await assert_sealable(connection, scope, draft, published=corpus.published)
    await _take_number(connection, draft, corpus)
    if draft.automatic:
        await _tidy(connection, scope, draft, corpus, now)
    return await read_draft(connection, scope, draft_id)


async def finish(
    connection: AsyncConnection,
    scope: AccessScope,
    version: Version,
    difference: VersionDifference,
    frequencies: DocumentFrequencies,
) -> None:
    """Write memberships, frequencies and the version's row. Safe to repeat."""
    # The corpus first, as the reconciler does: in another order the two could wait for each other.
    await read_corpus(connection, scope, version.corpus_id, lock=True)
    draft = await read_draft(connection, scope, version.draft_id, lock=True)
    same = draft.number == version.number and draft.corpus_id == version.corpus_id
    if same and draft.state in {DraftState.SEALED, DraftState.PUBLISHED}:
        return
    if not same or draft.state is not DraftState.SEALING or draft.fingerprint != version.fingerprint:
        raise Conflict(f"Draft {draft.id} is not being sealed as version {version.number}.")
    await write_memberships(connection, version, difference)
    await _write_version(connection, version, frequencies)
    await update_draft(connection, draft.id, state=DraftState.SEALED)


async def mark_published(connection: AsyncConnection, scope: AccessScope, draft_id: DraftId) -> None:
    """Make a sealed draft published; its documents' lists follow."""
    draft = await read_draft(connection, scope, draft_id, lock=True)
    if draft.state is not DraftState.SEALED:
        raise Conflict(f"Draft {draft_id} is not sealed, but {draft.state}.")
    await raise_latest(connection, draft_id)
    await note_withdrawals(connection, draft_id)
    await update_draft(connection, draft_id, state=DraftState.PUBLISHED)


async def _take_number(connection: AsyncConnection, draft: Draft, corpus: Corpus) -> None:
    """Give a draft the next number of its corpus, never the same twice, and the build to be sealed under."""
    number = corpus.highest + 1
    fingerprint = draft.wanted_fingerprint or corpus.fingerprint
    await assert_build(connection, corpus.id, fingerprint)
    await connection.execute(corpora.update().where(corpora.c.id == corpus.id).values(highest=number))
    await update_draft(
        connection,
        draft.id,
        state=DraftState.SEALING,
        number=number,
        sealed_against=corpus.published,
        fingerprint=fingerprint,
    )


async def _tidy(connection: AsyncConnection, scope: AccessScope, draft: Draft, corpus: Corpus, now: datetime) -> None:
    """Drop what failed and what was overtaken, and move what is not ready to a new automatic draft."""
    mine = draft_changes.c.draft_id == draft.id
    await connection.execute(draft_changes.delete().where(mine, _leads_to(RevisionState.FAILED)))
    await connection.execute(draft_changes.delete().where(mine, _is_overtaken(corpus)))
    pending = sa.and_(mine, _leads_to(RevisionState.PENDING))
    if (await connection.execute(sa.select(draft_changes.c.document_id).where(pending).limit(1))).first() is None:
        return
    target = await automatic_draft(connection, scope, corpus.id, now)
    moved = sa.select(
        sa.literal(target.id), draft_changes.c.document_id, draft_changes.c.revision, draft_changes.c.changed_at
    ).where(pending)
    names = [column.name for column in draft_changes.c]
    # A change that the target has already is the newer one.
    copied = insert_into(connection, draft_changes).from_select(names, moved).on_conflict_do_nothing()
    await connection.execute(copied)
    await connection.execute(draft_changes.delete().where(pending))


def _leads_to(state: RevisionState) -> sa.ColumnElement[bool]:
    return sa.exists().where(revision_changed_to(), revisions.c.state == state).correlate(draft_changes)


def _is_overtaken(corpus: Corpus) -> sa.ColumnElement[bool]:
    """Changes to a revision older than the published one: a held draft was published meanwhile."""
    return sa.exists().where(
        memberships.c.document_id == draft_changes.c.document_id,
        memberships.c.born <= corpus.published,
        memberships.c.died > corpus.published,
        memberships.c.revision > draft_changes.c.revision,
    )


async def _write_version(connection: AsyncConnection, version: Version, frequencies: DocumentFrequencies) -> None:
    await connection.execute(
        versions.insert().values(
            corpus_id=version.corpus_id,
            number=version.number,
            draft_id=version.draft_id,
            document_count=version.document_count,
            chunk_count=version.chunk_count,
            notes=version.notes,
            created_at=version.created_at,
            fingerprint=version.fingerprint,
        )
    )
    await keep_frequencies(connection, version.corpus_id, version.number, version.fingerprint, frequencies)
    # The points are written already: from here on the law of points asks for them.
    await sync_build(connection, version.corpus_id, version.fingerprint, version.number)
