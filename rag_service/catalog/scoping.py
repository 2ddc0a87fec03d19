"""What a scope allows, as SQL conditions: outside and absent rows fall out of the same single statement."""

from collections.abc import Sequence

import sqlalchemy as sa

from rag_service.catalog.tables import corpora, document_principals, documents
from rag_service.domain.access import AccessScope
from rag_service.domain.versions import Member

_LARGEST = 2**53


def allowed_corpora(scope: AccessScope) -> sa.ColumnElement[bool]:
    """Corpora of the scope's tenant, and inside the scope."""
    return sa.and_(corpora.c.tenant_id == scope.tenant_id, _covered(scope, corpora.c.id))


def writable_documents(scope: AccessScope) -> sa.ColumnElement[bool]:
    """Documents of the scope's corpora, whoever may read them: uploaders may grant more than they have."""
    return sa.and_(documents.c.tenant_id == scope.tenant_id, _covered(scope, unindexed(documents.c.corpus_id)))


def visible_documents(scope: AccessScope) -> sa.ColumnElement[bool]:
    """Documents of the scope's corpora that are granted to one of its principals."""
    if scope.sees_all_documents:
        return writable_documents(scope)
    granted = sa.exists().where(
        document_principals.c.document_id == documents.c.id, document_principals.c.principal.in_(scope.principals)
    )
    # Said outright, because a query may list the principals as well.
    return sa.and_(writable_documents(scope), granted.correlate(documents))


def unindexed(column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Return `column` for a check of rows that are found by something narrower.

    SQLite without statistics takes a corpus for a handful of rows and would start there: 100 ms instead of 2.
    """
    return column.concat("")


def among(
    members: Sequence[Member], document_id: sa.ColumnElement[str], revision: sa.ColumnElement[int]
) -> sa.ColumnElement[bool]:
    """Rows of these revisions. The ids are named once more alone: SQLite uses no index for pairs."""
    pairs = [(member.document_id, member.revision) for member in members]
    documents_in = document_id.in_({member.document_id for member in members})
    return sa.and_(documents_in, sa.tuple_(document_id, revision).in_(pairs))


def is_storable(number: int) -> bool:
    """Say whether a caller's number can be compared with a stored one; others name nothing that exists."""
    return 0 <= number < _LARGEST


def _covered(scope: AccessScope, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.true() if scope.corpora is None else column.in_(scope.corpora)
