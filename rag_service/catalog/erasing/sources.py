"""What sources know of a document that is erased: its key, in items, in plans and in what failed."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.tables import documents, jobs, source_changes, source_items, source_runs, sources
from rag_service.domain.ids import DocumentId
from rag_service.domain.jobs import JobKind
from rag_service.domain.sync import KEY_SEPARATOR


async def forget_in_sources(connection: AsyncConnection, document_id: DocumentId) -> None:
    """Remove the key of a document from the source it came from, while the document still has it."""
    named = sa.select(sources.c.id, sources.c.name, documents.c.key).join(
        documents, documents.c.corpus_id == sources.c.corpus_id
    )
    for row in (await connection.execute(named.where(documents.c.id == document_id))).all():
        source_name, separator, key = row.key.partition(KEY_SEPARATOR)
        if separator and source_name == row.name:
            await _forget(connection, row.id, key)
    await connection.execute(source_items.delete().where(source_items.c.document_id == document_id))
    await connection.execute(source_changes.delete().where(source_changes.c.document_id == document_id))


async def _forget(connection: AsyncConnection, source_id: str, key: str) -> None:
    item = sa.and_(source_items.c.source_id == source_id, source_items.c.key == key)
    await connection.execute(source_items.delete().where(item))
    runs = sa.select(source_runs.c.id).where(source_runs.c.source_id == source_id)
    of_source = source_changes.c.run_id.in_(runs)
    await connection.execute(source_changes.delete().where(of_source, source_changes.c.key == key))
    renamed = source_changes.update().where(of_source, source_changes.c.renamed_from == key)
    await connection.execute(renamed.values(renamed_from=None))
    # A source that fails says at which address.
    failed = source_runs.update().where(
        source_runs.c.source_id == source_id, source_runs.c.error.contains(key, autoescape=True)
    )
    await connection.execute(failed.values(error=None))
    told = jobs.update().where(
        jobs.c.kind == JobKind.SYNC_SOURCE, jobs.c.subject.in_(runs), jobs.c.detail.contains(key, autoescape=True)
    )
    await connection.execute(told.values(detail=None))
