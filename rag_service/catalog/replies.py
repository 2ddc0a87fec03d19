"""Replies kept for requests that may come twice."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.database import insert_into
from rag_service.catalog.tables import idempotent_replies as replies
from rag_service.domain.access import AccessScope
from rag_service.errors import Conflict


class SqlIdempotentReplies:
    """Implements `ports.catalog.IdempotentReplies`."""

    def __init__(self, connection: AsyncConnection, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._clock = clock

    async def find(self, scope: AccessScope, key: str) -> tuple[str, int, str] | None:
        kept = sa.select(replies.c.request_hash, replies.c.status, replies.c.body).where(
            replies.c.tenant_id == scope.tenant_id, replies.c.caller == scope.caller, replies.c.key == key
        )
        row = (await self._connection.execute(kept)).first()
        return None if row is None else (row.request_hash, row.status, row.body)

    async def keep(self, scope: AccessScope, key: str, request_hash: str, status: int, body: str) -> None:
        reply = insert_into(self._connection, replies).values(
            tenant_id=scope.tenant_id,
            caller=scope.caller,
            key=key,
            request_hash=request_hash,
            status=status,
            body=body,
            created_at=self._clock(),
            end_user=scope.end_user,
        )
        added = await self._connection.execute(reply.on_conflict_do_nothing())
        if added.rowcount == 0:
            raise Conflict("This Idempotency-Key has been used already.")

    async def forget(self, *, before: datetime) -> int:
        return (await self._connection.execute(replies.delete().where(replies.c.created_at < before))).rowcount
