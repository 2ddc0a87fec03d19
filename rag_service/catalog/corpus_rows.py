"""Corpora between rows and values."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.rows import columns_of
from rag_service.catalog.scoping import allowed_corpora
from rag_service.catalog.tables import corpora
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId
from rag_service.domain.versions import Corpus
from rag_service.errors import NotFound


def corpus_of(row: sa.Row[Any]) -> Corpus:
    """Return the corpus in a row that holds the columns of the table."""
    return Corpus(**columns_of(row))  # the columns are the fields


async def read_corpus(
    connection: AsyncConnection, scope: AccessScope, corpus_id: CorpusId, *, lock: bool = False
) -> Corpus:
    """Return a corpus, or raise NotFound. With `lock` nobody else seals in it or publishes it in this transaction."""
    one = corpora.select().where(allowed_corpora(scope), corpora.c.id == corpus_id)
    # Whoever uploads holds the row as the parent of what it adds, and may wait for a draft that is locked here already.
    row = (await connection.execute(one.with_for_update(key_share=True) if lock else one)).first()
    if row is None:
        raise NotFound("corpus", corpus_id)
    return corpus_of(row)
