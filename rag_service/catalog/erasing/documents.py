"""A document with everything that was made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.erasing.evaluations import remove_of_document as remove_evaluations
from rag_service.catalog.erasing.places import DOCUMENT_TABLES, delete_rows, jobs_of_document
from rag_service.catalog.erasing.vectors import remove_unused_vectors
from rag_service.catalog.tables import chunks, documents, files, jobs, memberships, revisions, tombstones
from rag_service.domain.erasures import ErasedChunks, ErasurePlan, Removal, TombstoneKind
from rag_service.domain.ids import ChunkId, DocumentId, FileId, Fingerprint, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedDocument:
    """What went with a document, what is left to do elsewhere, and the files whose rows went."""

    removal: Removal
    plan: ErasurePlan
    file_ids: Sequence[FileId]


async def lock_document(connection: AsyncConnection, tenant_id: TenantId, document_id: DocumentId) -> bool:
    """Keep others from adding to a document, and answers from showing it; return whether it is there."""
    one = sa.select(documents.c.id).where(documents.c.tenant_id == tenant_id, documents.c.id == document_id)
    if (await connection.execute(one.with_for_update())).first() is None:
        return False
    every = sa.select(revisions.c.number).where(revisions.c.document_id == document_id)
    await connection.execute(every.order_by(revisions.c.number).with_for_update())
    return True


async def remove_document(connection: AsyncConnection, tenant_id: TenantId, document_id: DocumentId) -> RemovedDocument:
    """Remove the rows of a document, children first."""
    erased = await _erased_chunks(connection, document_id)
    hashes = await _embedded_hashes(connection, document_id)
    file_ids = await _file_ids(connection, tenant_id, document_id)
    of_evaluations = await remove_evaluations(connection, tenant_id, document_id)
    removed = {"jobs": await delete_rows(connection, jobs, jobs_of_document(document_id))}
    for table, column in DOCUMENT_TABLES:
        removed[table.name] = await delete_rows(connection, table, column == document_id)
    gone_vectors, vectors = await remove_unused_vectors(connection, tenant_id, hashes)
    gone_files, blobs, of_files = await _remove_files(connection, tenant_id, file_ids)
    return RemovedDocument(
        removal=Removal(removed=removed).plus(of_evaluations).plus(vectors).plus(of_files),
        plan=ErasurePlan(chunks=tuple(erased), blobs=tuple(blobs), vectors=tuple(gone_vectors)),
        file_ids=gone_files,
    )


async def _erased_chunks(connection: AsyncConnection, document_id: DocumentId) -> list[ErasedChunks]:
    born = sa.select(memberships.c.revision, memberships.c.born).where(memberships.c.document_id == document_id)
    births: dict[int, list[int]] = {}
    for row in await connection.execute(born.order_by(memberships.c.born)):
        births.setdefault(row.revision, []).append(row.born)
    place = (chunks.c.revision, chunks.c.fingerprint)
    every = sa.select(*place, chunks.c.id).where(chunks.c.document_id == document_id)
    rows = (await connection.execute(every.order_by(*place, chunks.c.ordinal))).all()
    return [
        ErasedChunks(
            fingerprint=Fingerprint(fingerprint),
            chunk_ids=tuple(ChunkId(row.id) for row in of_build),
            births=tuple(births.get(revision, ())),
        )
        for (revision, fingerprint), of_build in groupby(rows, key=lambda row: (row.revision, row.fingerprint))
    ]


async def _embedded_hashes(connection: AsyncConnection, document_id: DocumentId) -> Sequence[str]:
    every = sa.select(chunks.c.embedded_sha256).where(chunks.c.document_id == document_id).distinct()
    return sorted((await connection.execute(every)).scalars())


async def _file_ids(connection: AsyncConnection, tenant_id: TenantId, document_id: DocumentId) -> Sequence[str]:
    """Return the files that the document was made from, and those with the same bytes that were buried with it."""
    mine = sa.select(revisions.c.file_id).where(revisions.c.document_id == document_id)
    bytes_of_it = sa.select(revisions.c.raw_sha256).where(revisions.c.document_id == document_id)
    buried = sa.exists().where(tombstones.c.kind == TombstoneKind.FILE, tombstones.c.id == files.c.id)
    # What was uploaded since, somebody may want to use elsewhere.
    again = sa.and_(files.c.sha256.in_(bytes_of_it), buried)
    every = sa.select(files.c.id).where(files.c.tenant_id == tenant_id, sa.or_(files.c.id.in_(mine), again))
    return sorted((await connection.execute(every)).scalars())


async def _remove_files(
    connection: AsyncConnection, tenant_id: TenantId, file_ids: Sequence[str]
) -> tuple[list[FileId], list[str], Removal]:
    """Remove files that no revision was made from any more; return their ids, and the hashes that no file has now."""
    gone: dict[str, str] = {}
    used = sa.exists().where(revisions.c.file_id == files.c.id)
    for batch in batches(file_ids):
        unused = files.delete().where(files.c.tenant_id == tenant_id, files.c.id.in_(batch), ~used)
        gone |= {row.id: row.sha256 for row in await connection.execute(unused.returning(files.c.id, files.c.sha256))}
    hashes = sorted(set(gone.values()))
    shared: set[str] = set()
    for batch in batches(hashes):
        same = sa.select(files.c.sha256).where(files.c.tenant_id == tenant_id, files.c.sha256.in_(batch))
        shared |= set((await connection.execute(same)).scalars())
    removal = Removal(removed={"files": len(gone)}, shared={"files": len(file_ids) - len(gone), "blobs": len(shared)})
    return [FileId(file_id) for file_id in sorted(gone)], [one for one in hashes if one not in shared], removal
