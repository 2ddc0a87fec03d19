"""Kept vectors of texts that are erased."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.erasing.places import delete_rows
from rag_service.catalog.kept_vectors import forget, unused_of, vectors_of
from rag_service.catalog.tables import chunks, documents, kept_vectors
from rag_service.domain.erasures import Removal
from rag_service.domain.ids import TenantId


async def remove_unused_vectors(
    connection: AsyncConnection, tenant_id: TenantId, hashes: Sequence[str]
) -> tuple[list[str], Removal]:
    """Remove the vectors, of every model, of those texts that no chunk of the tenant has; return their hashes."""
    unused = await unused_of(connection, tenant_id, hashes)
    removed = await forget(connection, tenant_id, unused)
    return unused, Removal(removed={"kept_vectors": removed}, shared={"kept_vectors": len(hashes) - len(unused)})


async def remove_strayed_vectors(connection: AsyncConnection, tenant_id: TenantId) -> Removal:
    """Remove the vectors of texts that no chunk of the tenant has."""
    digest = kept_vectors.c.sha256
    is_sqlite = connection.dialect.name == "sqlite"
    written = sa.func.lower(sa.func.hex(digest)) if is_sqlite else sa.func.encode(digest, "hex")
    has_chunk = sa.exists().where(
        chunks.c.embedded_sha256 == written, chunks.c.document_id == documents.c.id, documents.c.tenant_id == tenant_id
    )
    strayed = sa.and_(kept_vectors.c.tenant_id == tenant_id, ~has_chunk.correlate(kept_vectors))
    return Removal(removed={"kept_vectors": await delete_rows(connection, kept_vectors, strayed)})


async def count_unused_vectors(connection: AsyncConnection, tenant_id: TenantId, hashes: Sequence[str]) -> int:
    """Return how many vectors are kept of those texts that no chunk of the tenant has."""
    found = 0
    for batch in batches(await unused_of(connection, tenant_id, hashes)):
        counted = sa.select(sa.func.count()).select_from(kept_vectors).where(vectors_of(tenant_id, batch))
        found += int((await connection.execute(counted)).scalar_one())
    return found
