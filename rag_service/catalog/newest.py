"""Each live document at its newest revision: what a list of a corpus's files shows."""

from typing import Any

import sqlalchemy as sa

from rag_service.catalog.tables import corpora, documents, draft_changes, drafts, memberships, revisions
from rag_service.domain.documents import RevisionState
from rag_service.domain.versions import DraftState


def _member_of_published(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        memberships.c.document_id == documents.c.id,
        memberships.c.born <= corpora.c.published,
        memberships.c.died > corpora.c.published,
        *conditions,
    )


def _change_in_progress(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        draft_changes.c.document_id == documents.c.id,
        draft_changes.c.draft_id == drafts.c.id,
        drafts.c.state != DraftState.PUBLISHED,
        *conditions,
    )


FAILED = revisions.c.state == RevisionState.FAILED
COMPLETED = sa.and_(~FAILED, _member_of_published(memberships.c.revision == revisions.c.number))
IN_PROGRESS = sa.and_(~FAILED, ~COMPLETED)

# A failed upload stays in the list until its document is deleted, so that its reason can be read.
_LIVE = sa.and_(
    sa.or_(
        _member_of_published(),
        _change_in_progress(draft_changes.c.revision.is_not(None)),
        sa.and_(FAILED, documents.c.latest_revision > documents.c.withdrawn_revision),
    ),
    ~_change_in_progress(draft_changes.c.revision.is_(None), drafts.c.automatic),
)

REMOVAL_PENDING = _change_in_progress(draft_changes.c.revision.is_(None))


def live_revisions(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Select from every revision of live documents, with their documents and corpora."""
    return (
        sa.select(*columns)
        .select_from(revisions)
        .join(documents, documents.c.id == revisions.c.document_id)
        .join(corpora, corpora.c.id == documents.c.corpus_id)
        .where(_LIVE)
    )


def newest_revisions(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Select from the newest revision of each live document, with its document and corpus."""
    return live_revisions(*columns).where(revisions.c.number == documents.c.latest_revision)
