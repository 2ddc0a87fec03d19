"""What a scope allows, as SQL conditions: outside and absent rows fall out of the same single statement."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.tables import corpora, document_principals, documents, tombstones
from rag_service.domain.access import AccessScope
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.versions import Member

_LARGEST = 2**53

_TENANT = sa.bindparam("scope_tenant", type_=sa.String)
_PRINCIPALS = sa.bindparam("scope_principals", type_=sa.String, expanding=True)
_CORPORA = sa.bindparam("scope_corpora", type_=sa.String, expanding=True)

Names = Collection[str] | sa.BindParameter[Any]


class Limits(Protocol):
    """What conditions are made from: a scope with its values, or a shape with places for them."""

    @property
    def tenant_id(self) -> str | sa.BindParameter[Any]: ...
    @property
    def principals(self) -> Names: ...
    @property
    def corpora(self) -> Names | None: ...
    @property
    def sees_all_documents(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeShape:
    """Stands for every scope that needs the same conditions, in statements that are built once: see `run_in`."""

    sees_all_documents: bool
    narrowed: bool

    @property
    def tenant_id(self) -> sa.BindParameter[Any]:
        """The place of the tenant."""
        return _TENANT

    @property
    def principals(self) -> sa.BindParameter[Any]:
        """The place of the principals."""
        return _PRINCIPALS

    @property
    def corpora(self) -> sa.BindParameter[Any] | None:
        """The place of the corpora, None when the scope has all of its tenant."""
        return _CORPORA if self.narrowed else None


async def run_in(
    connection: AsyncConnection, scope: AccessScope, statement_of: Callable[[ScopeShape], sa.Select[Any]], **values: Any
) -> sa.CursorResult[Any]:
    """Run a statement that every search needs; `statement_of` keeps the one it has built for each shape.

    Building costs milliseconds, running a fraction of one. Nothing else gives such a statement a scope's values, so
    they cannot belong to another scope than the conditions do; without values the statement does not run.
    """
    shape = ScopeShape(sees_all_documents=scope.sees_all_documents, narrowed=scope.corpora is not None)
    places = {
        _TENANT.key: scope.tenant_id,
        _PRINCIPALS.key: tuple(scope.principals),
        _CORPORA.key: tuple(scope.corpora or ()),
    }
    rows: sa.CursorResult[Any] = await connection.execute(statement_of(shape), values | places)
    return rows


def allowed_corpora(scope: Limits) -> sa.ColumnElement[bool]:
    """Corpora of the scope's tenant, and inside the scope."""
    mine = sa.and_(corpora.c.tenant_id == scope.tenant_id, _covered(scope, corpora.c.id))
    return sa.and_(mine, not_erased(scope, TombstoneKind.CORPUS, corpora.c.id))


def writable_documents(scope: Limits) -> sa.ColumnElement[bool]:
    """Documents of the scope's corpora, whoever may read them: uploaders may grant more than they have."""
    mine = sa.and_(documents.c.tenant_id == scope.tenant_id, _covered(scope, unindexed(documents.c.corpus_id)))
    return sa.and_(mine, not_erased(scope, TombstoneKind.DOCUMENT, documents.c.id))


def visible_documents(scope: Limits) -> sa.ColumnElement[bool]:
    """Documents of the scope's corpora that are granted to one of its principals."""
    if scope.sees_all_documents:
        return writable_documents(scope)
    granted = sa.exists().where(
        document_principals.c.document_id == documents.c.id, document_principals.c.principal.in_(scope.principals)
    )
    # Said outright, because a query may list the principals as well.
    return sa.and_(writable_documents(scope), granted.correlate(documents))


def shows_nothing_hidden(
    scope: Limits, links: sa.Table, of_row: sa.ColumnElement[bool], table: sa.Table
) -> sa.ColumnElement[bool]:
    """Rows of `table` whose `links` name nothing but documents that the scope may see; `of_row` says which are a row's."""
    if scope.sees_all_documents:
        return sa.true()
    seen = sa.exists().where(documents.c.id == links.c.document_id, visible_documents(scope)).correlate(links)
    return ~sa.exists().where(of_row, ~seen).correlate(table)


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


def _covered(scope: Limits, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.true() if scope.corpora is None else column.in_(scope.corpora)


def not_erased(scope: Limits, kind: TombstoneKind, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Rows without a tombstone: callers see nothing of what is to be erased from the request on."""
    # Workers still have to end what they do with it.
    if scope.sees_all_documents:
        return sa.true()
    return ~sa.exists().where(tombstones.c.kind == kind.value, tombstones.c.id == column)
