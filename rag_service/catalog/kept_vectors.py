"""Vectors kept as long as a chunk has their text, so that no text is embedded twice."""

from collections.abc import Mapping, Sequence

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.database import Database, insert_into
from rag_service.catalog.tables import chunks, documents, kept_vectors
from rag_service.ports.vectors import DenseVector

_FLOAT32 = np.dtype("<f4")


class SqlKeptVectors:
    """Implements `ports.kept_vectors.KeptVectors`; every call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: str, embedder: str, hashes: Sequence[str]) -> dict[str, DenseVector]:
        mine = sa.select(kept_vectors.c.sha256, kept_vectors.c.vector).where(
            kept_vectors.c.tenant_id == tenant_id, kept_vectors.c.embedder == embedder
        )
        found: dict[str, DenseVector] = {}
        async with self._database.reading() as connection:
            for batch in batches(hashes):
                digests = [bytes.fromhex(sha256) for sha256 in batch]
                for digest, vector in await connection.execute(mine.where(kept_vectors.c.sha256.in_(digests))):
                    found[digest.hex()] = np.frombuffer(vector, _FLOAT32)
        return found

    async def keep(self, tenant_id: str, embedder: str, vectors: Mapping[str, DenseVector]) -> None:
        rows = [
            {
                "tenant_id": tenant_id,
                "embedder": embedder,
                "sha256": bytes.fromhex(sha256),
                "vector": vector.astype(_FLOAT32).tobytes(),
            }
            for sha256, vector in sorted(vectors.items())  # one order everywhere, so that two writers cannot deadlock
        ]
        async with self._database.writing() as connection:
            for batch in batches(rows):
                await connection.execute(insert_into(connection, kept_vectors).on_conflict_do_nothing(), batch)


async def forget_unused(connection: AsyncConnection, tenant_id: str, hashes: Sequence[str]) -> int:
    """Remove the vectors of these texts that no chunk of the tenant has any more; return how many."""
    return await forget(connection, tenant_id, await unused_of(connection, tenant_id, sorted(set(hashes))))


async def unused_of(connection: AsyncConnection, tenant_id: str, hashes: Sequence[str]) -> list[str]:
    """Return those of the hashes, in order, of whose texts the tenant has no chunk."""
    of_tenant = sa.select(chunks.c.embedded_sha256).join(documents, documents.c.id == chunks.c.document_id)
    of_tenant = of_tenant.where(documents.c.tenant_id == tenant_id)
    used: set[str] = set()
    for batch in batches(hashes):
        used |= set((await connection.execute(of_tenant.where(chunks.c.embedded_sha256.in_(batch)))).scalars())
    return [sha256 for sha256 in hashes if sha256 not in used]


async def forget(connection: AsyncConnection, tenant_id: str, hashes: Sequence[str]) -> int:
    """Remove the vectors of these texts, of every model; return how many."""
    forgotten = 0
    for batch in batches(hashes):
        forgotten += (await connection.execute(kept_vectors.delete().where(vectors_of(tenant_id, batch)))).rowcount
    return forgotten


def vectors_of(tenant_id: str, hashes: Sequence[str]) -> sa.ColumnElement[bool]:
    """Vectors of texts with these hashes."""
    digests = [bytes.fromhex(sha256) for sha256 in hashes]
    return sa.and_(kept_vectors.c.tenant_id == tenant_id, kept_vectors.c.sha256.in_(digests))
