"""A corpus whose documents and answers are gone already."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.erasing.places import CORPUS_TABLES, delete_rows
from rag_service.catalog.tables import corpora
from rag_service.domain.erasures import Removal
from rag_service.domain.ids import CorpusId, TenantId


async def remove_corpus(connection: AsyncConnection, tenant_id: TenantId, corpus_id: CorpusId) -> Removal:
    """Remove the rows of a corpus, children first."""
    mine = sa.select(corpora.c.id).where(corpora.c.tenant_id == tenant_id, corpora.c.id == corpus_id)
    if (await connection.execute(mine.with_for_update())).first() is None:
        return Removal()
    removed = {
        table.name: await delete_rows(connection, table, table.c.corpus_id == corpus_id) for table in CORPUS_TABLES
    }
    removed[corpora.name] = await delete_rows(connection, corpora, corpora.c.id == corpus_id)
    return Removal(removed=removed)
