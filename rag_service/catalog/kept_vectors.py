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
    forgotten = 0
    for batch in batches(sorted(set(hashes))):
        used = sa.select(chunks.c.embedded_sha256).join(documents, documents.c.id == chunks.c.document_id)
        mine = used.where(documents.c.tenant_id == tenant_id, chunks.c.embedded_sha256.in_(batch))
        still = set((await connection.execute(mine)).scalars())
        gone = [bytes.fromhex(sha256) for sha256 in batch if sha256 not in still]
        unused = kept_vectors.delete().where(kept_vectors.c.tenant_id == tenant_id, kept_vectors.c.sha256.in_(gone))
        forgotten += (await connection.execute(unused)).rowcount if gone else 0
    return forgotten
