"""Uploaded raw files."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.pagination import fetch_page
from rag_service.catalog.rows import columns_of
from rag_service.catalog.scoping import not_erased
from rag_service.catalog.tables import files, revisions
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import StoredFile
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.ids import FileId
from rag_service.domain.pages import Page, PageRequest
from rag_service.errors import Conflict, NotFound


class SqlFiles:
    """Implements `ports.catalog.Files`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, scope: AccessScope, file: StoredFile) -> None:
        values = asdict(file) | {"tenant_id": scope.tenant_id}
        await self._connection.execute(files.insert().values(values))

    async def get(self, scope: AccessScope, file_id: FileId) -> StoredFile:
        row = (await self._connection.execute(files.select().where(_shown(scope), files.c.id == file_id))).first()
        if row is None:
            raise NotFound("file", file_id)
        return _file_of(row)

    async def delete(self, scope: AccessScope, file_id: FileId) -> None:
        used = sa.exists().where(revisions.c.file_id == files.c.id)
        one = sa.select(used.label("used")).select_from(files).where(_shown(scope), files.c.id == file_id)
        row = (await self._connection.execute(one)).first()
        if row is None:
            raise NotFound("file", file_id)
        if row.used:
            raise Conflict(f"File {file_id} is part of a corpus. Delete it there first.")
        await self._connection.execute(files.delete().where(_mine(scope), files.c.id == file_id))

    async def hashes(
        self, scope: AccessScope, *, after: FileId | None, limit: int
    ) -> tuple[Sequence[str], FileId | None]:
        page = sa.select(files.c.id, files.c.sha256).where(_mine(scope), files.c.id > (after or ""))
        rows = (await self._connection.execute(page.order_by(files.c.id).limit(limit))).all()
        return [row.sha256 for row in rows], FileId(rows[-1].id) if rows else None

    async def unused(self, scope: AccessScope, hashes: Sequence[str], *, hold: bool) -> frozenset[str]:
        if hold and self._connection.dialect.name != "sqlite":
            # It waits for everyone who is adding a row now; SQLite has one writer anyway.
            await self._connection.execute(sa.text("LOCK TABLE files IN SHARE MODE"))
        used: set[str] = set()
        for batch in batches(hashes):
            found = sa.select(files.c.sha256).where(_mine(scope), files.c.sha256.in_(batch))
            used.update((await self._connection.execute(found)).scalars())
        return frozenset(hashes) - used

    async def list(self, scope: AccessScope, page: PageRequest) -> Page[StoredFile]:
        position = (files.c.created_at, files.c.id)
        return await fetch_page(
            self._connection,
            files.select().where(_shown(scope)),
            position=position,
            cursor=lambda file_id: sa.select(*position).where(_shown(scope), files.c.id == file_id),
            page=page,
            item_of=_file_of,
        )


def _mine(scope: AccessScope) -> sa.ColumnElement[bool]:
    return files.c.tenant_id == scope.tenant_id


def _shown(scope: AccessScope) -> sa.ColumnElement[bool]:
    return sa.and_(_mine(scope), not_erased(scope, TombstoneKind.FILE, files.c.id))


def _file_of(row: sa.Row[Any]) -> StoredFile:
    return StoredFile(**columns_of(row))  # the columns are the fields
