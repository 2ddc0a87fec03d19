"""Each live document at its newest revision: what a list of a corpus's files shows."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from rag_service.catalog.tables import SEALED, corpora, documents, draft_changes, drafts, memberships, revisions
from rag_service.domain.documents import RevisionState
from rag_service.domain.drafts import DraftState
from rag_service.domain.ids import CorpusId

# What people hold back in a draft of their own is not on its way into the corpus.
_PENDING = sa.and_(drafts.c.automatic, drafts.c.state.not_in([DraftState.PUBLISHED, DraftState.DISCARDED]))


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
        _PENDING,
        *conditions,
    )


def _change_of_revision(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        draft_changes.c.document_id == revisions.c.document_id,
        draft_changes.c.revision == revisions.c.number,
        draft_changes.c.draft_id == drafts.c.id,
        *conditions,
    )


FAILED = revisions.c.state == RevisionState.FAILED
COMPLETED = sa.and_(~FAILED, _member_of_published(memberships.c.revision == revisions.c.number))
IN_PROGRESS = sa.and_(~FAILED, ~COMPLETED)

_ADDED = draft_changes.c.revision.is_not(None)
_REMOVED = draft_changes.c.revision.is_(None)

BEING_SEALED = _change_of_revision(sa.and_(drafts.c.automatic, SEALED))
REMOVAL_PENDING = _change_in_progress(_REMOVED)

_CAME_OUT = sa.or_(drafts.c.automatic, drafts.c.state == DraftState.PUBLISHED)

# A later upload raises the newest revision above one that is in a held draft, or was in one that is discarded.
_HELD = sa.and_(_change_of_revision(~_CAME_OUT), ~_change_of_revision(_CAME_OUT))


def _live(
    *, member: sa.ColumnElement[bool], added: sa.ColumnElement[bool], removed: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    # A failed upload stays in the list until its document is deleted, so that its reason can be read.
    readable_failure = sa.and_(FAILED, documents.c.latest_revision > documents.c.withdrawn_revision)
    return sa.and_(sa.or_(member, added, readable_failure), ~removed)


_LIVE = _live(
    member=_member_of_published(),
    added=_change_in_progress(_ADDED),
    removed=_change_in_progress(_REMOVED),
)


def live_revisions(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Select from every revision of live documents, with their documents and corpora; held ones are left out."""
    return _of_live_documents(columns).where(revisions.c.number <= documents.c.latest_revision, ~_HELD)


def newest_revisions(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Select from the newest revision of each live document, with its document and corpus."""
    return _of_live_documents(columns).where(revisions.c.number == documents.c.latest_revision)


def _of_live_documents(columns: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .select_from(revisions)
        .join(documents, documents.c.id == revisions.c.document_id)
        .join(corpora, corpora.c.id == documents.c.corpus_id)
        .where(_LIVE)
    )


def revisions_in_corpus(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Select from the revisions that are published or on their way there: what is held back or was left out is not."""
    here = sa.or_(
        _member_of_published(memberships.c.revision == revisions.c.number),
        _change_in_progress(draft_changes.c.revision == revisions.c.number),
    )
    return (
        sa.select(*columns)
        .select_from(revisions)
        .join(documents, documents.c.id == revisions.c.document_id)
        .join(corpora, corpora.c.id == documents.c.corpus_id)
        .where(~FAILED, here)
    )


def newest_counts(corpus_id: CorpusId) -> sa.Select[Any]:
    """Select how many newest revisions of a corpus's live documents there are, by state, and their size.

    Means what `newest_revisions` does, but asks once for all documents what is costly to ask for each.
    """
    published = sa.and_(
        memberships.c.document_id == documents.c.id,
        memberships.c.born <= corpora.c.published,
        memberships.c.died > corpora.c.published,
    )
    live = _live(
        member=memberships.c.revision.is_not(None),
        added=documents.c.id.in_(_changed_documents(corpus_id, _ADDED)),
        removed=documents.c.id.in_(_changed_documents(corpus_id, _REMOVED)),
    )
    completed = sa.and_(~FAILED, memberships.c.revision == revisions.c.number)
    return (
        sa.select(
            sa.func.count().label("total"),
            sa.func.count(sa.case((FAILED, 1))).label("failed"),
            sa.func.count(sa.case((completed, 1))).label("completed"),
            sa.func.coalesce(sa.func.sum(revisions.c.size_bytes), 0).label("size_bytes"),
        )
        .select_from(revisions)
        .join(documents, documents.c.id == revisions.c.document_id)
        .join(corpora, corpora.c.id == documents.c.corpus_id)
        .outerjoin(memberships, published)  # a version has one revision of a document
        .where(corpora.c.id == corpus_id, revisions.c.number == documents.c.latest_revision, live)
    )


def _changed_documents(corpus_id: CorpusId, change: sa.ColumnElement[bool]) -> sa.Select[Any]:
    in_progress = sa.select(drafts.c.id).where(drafts.c.corpus_id == corpus_id, _PENDING)
    # IN, not a join, for which SQLite would read the changes of published drafts too.
    return sa.select(draft_changes.c.document_id).where(draft_changes.c.draft_id.in_(in_progress), change)
