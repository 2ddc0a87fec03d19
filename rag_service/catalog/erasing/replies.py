"""Replies that were kept for repeated requests, and hold words of what is erased."""

import re
from collections.abc import Collection, Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.erasing.places import delete_rows
from rag_service.catalog.tables import idempotent_replies
from rag_service.domain.erasures import Removal
from rag_service.domain.ids import TenantId

_ID = re.compile(r"[\w-]+")
_REPLIES_AT_ONCE = 200


async def remove_replies(connection: AsyncConnection, tenant_id: TenantId, ids: Collection[str]) -> Removal:
    """Remove the kept replies that name one of the ids."""
    replies, wanted, doomed = idempotent_replies, frozenset(ids), []
    place = (replies.c.caller, replies.c.key)
    page = sa.select(*place, replies.c.body).where(replies.c.tenant_id == tenant_id).order_by(*place)
    after: tuple[str, str] | None = None
    while True:
        beyond = page if after is None else page.where(sa.tuple_(*place) > after)
        rows = (await connection.execute(beyond.limit(_REPLIES_AT_ONCE))).all()
        if not rows:
            break
        after = (rows[-1].caller, rows[-1].key)
        doomed += [(row.caller, row.key) for row in rows if not wanted.isdisjoint(_ids_in(row.body))]
    removed = 0
    for batch in batches(doomed):
        removed += await delete_rows(
            connection, replies, sa.and_(replies.c.tenant_id == tenant_id, sa.tuple_(*place).in_(batch))
        )
    return Removal(removed={"idempotent_replies": removed})


def _ids_in(body: str) -> Iterable[str]:
    return _ID.findall(body)
