"""Which engine answers searches."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.database import insert_into
from rag_service.catalog.rows import columns_of
from rag_service.catalog.tables import index_misses, index_route
from rag_service.domain.ids import Fingerprint, PointId
from rag_service.domain.index_route import IndexRoute, MissedWrites, RouteState
from rag_service.errors import Conflict

_ROW = 1


class SqlIndexRoutes:
    """Implements `ports.catalog.IndexRoutes`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self) -> IndexRoute | None:
        row = (await self._connection.execute(index_route.select())).first()
        return None if row is None else _route_of(row)

    async def change(self, before: IndexRoute | None, after: IndexRoute) -> None:
        values = asdict(after) | {"state": after.state.value}
        if before is None:
            new = insert_into(self._connection, index_route).values({"id": _ROW, **values})
            changed = await self._connection.execute(new.on_conflict_do_nothing())
        else:
            changed = await self._connection.execute(index_route.update().where(*_is(before)).values(values))
        if changed.rowcount == 0:
            raise Conflict("Somebody else has changed which engine serves. Look at `rag index status`.")

    async def note_copied(self, fingerprint: Fingerprint, *, to: PointId, points: int) -> None:
        await self._connection.execute(
            index_route.update().values(copied_build=fingerprint, copied_to=to, copied=index_route.c.copied + points)
        )

    async def note_compared(self, searches: int, *, overlap: float) -> None:
        comparing = index_route.c.state == RouteState.COMPARING.value
        more = {"compared": index_route.c.compared + searches, "overlap": index_route.c.overlap + overlap}
        await self._connection.execute(index_route.update().where(comparing).values(more))

    async def note_missed(self, engine: str, fingerprint: Fingerprint) -> None:
        first = insert_into(self._connection, index_misses).values(
            engine=engine, fingerprint=fingerprint, writes=1, mended=0
        )
        again = {"writes": index_misses.c.writes + 1}
        await self._connection.execute(
            first.on_conflict_do_update(index_elements=list(index_misses.primary_key), set_=again)
        )

    async def missed(self) -> list[MissedWrites]:
        columns = [index_misses.c[field.name] for field in fields(MissedWrites)]
        lacking = sa.select(*columns).where(index_misses.c.writes > index_misses.c.mended)
        rows = await self._connection.execute(lacking.order_by(*index_misses.primary_key))
        return [MissedWrites(**columns_of(row)) for row in rows]

    async def forget_missed(self, mended: Sequence[MissedWrites]) -> None:
        for one in mended:
            # The row stays: counted from 1 again, a new miss would look like one that was mended.
            mine = index_misses.c.engine == one.engine, index_misses.c.fingerprint == one.fingerprint
            older = index_misses.c.mended < one.writes
            await self._connection.execute(index_misses.update().where(*mine, older).values(mended=one.writes))


def _is(route: IndexRoute) -> list[sa.ColumnElement[bool]]:
    return [
        index_route.c.serving == route.serving,
        index_route.c.following.is_not_distinct_from(route.following),
        index_route.c.state == route.state.value,
    ]


def _route_of(row: sa.Row[Any]) -> IndexRoute:
    columns = columns_of(row)
    del columns["id"]
    return IndexRoute(**columns | {"state": RouteState(row.state)})
