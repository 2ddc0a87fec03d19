"""The processes that work off jobs."""

from dataclasses import asdict
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.database import insert_into
from rag_service.catalog.rows import columns_of
from rag_service.catalog.tables import workers
from rag_service.domain.ids import WorkerId
from rag_service.domain.jobs import JobKind, Worker

_FORGOTTEN_AFTER = timedelta(hours=1)


class SqlWorkers:
    """Implements `ports.catalog.Workers`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def announce(self, worker: Worker) -> None:
        values = asdict(worker)
        new = insert_into(self._connection, workers).values(values)
        await self._connection.execute(new.on_conflict_do_update(index_elements=[workers.c.id], set_=values))
        forgotten = workers.delete().where(workers.c.seen_at < worker.seen_at - _FORGOTTEN_AFTER)
        await self._connection.execute(forgotten)

    async def withdraw(self, worker_id: WorkerId) -> None:
        await self._connection.execute(workers.delete().where(workers.c.id == worker_id))

    async def list(self, *, since: datetime) -> list[Worker]:
        alive = sa.select(workers).where(workers.c.seen_at >= since).order_by(workers.c.id)
        rows = (columns_of(row) for row in await self._connection.execute(alive))
        return [Worker(**row | {"kinds": frozenset(map(JobKind, row["kinds"]))}) for row in rows]

    async def served_kinds(self, *, since: datetime) -> frozenset[JobKind]:
        return frozenset(kind for worker in await self.list(since=since) for kind in worker.kinds)
