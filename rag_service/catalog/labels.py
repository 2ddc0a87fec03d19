"""Names that people give to published versions."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.corpus_rows import read_corpus
from rag_service.catalog.database import insert_into
from rag_service.catalog.tables import version_labels
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId
from rag_service.domain.versions import Version
from rag_service.errors import Conflict, NotFound


async def set_label(connection: AsyncConnection, version: Version, label: str, now: datetime) -> None:
    """Give a label to a version, taking it from another."""
    if version.published_at is None:
        raise Conflict(f"Version {version.number} was never published, and its number may still be taken back.")
    new = insert_into(connection, version_labels).values(
        corpus_id=version.corpus_id, label=label, number=version.number, created_at=now
    )
    moved = {"number": new.excluded.number, "created_at": new.excluded.created_at}
    key = [version_labels.c.corpus_id, version_labels.c.label]
    await connection.execute(new.on_conflict_do_update(index_elements=key, set_=moved))


async def remove_label(connection: AsyncConnection, scope: AccessScope, corpus_id: CorpusId, label: str) -> None:
    """Remove a label, or raise NotFound."""
    await read_corpus(connection, scope, corpus_id)
    one = sa.and_(version_labels.c.corpus_id == corpus_id, version_labels.c.label == label)
    if (await connection.execute(version_labels.delete().where(one))).rowcount == 0:
        raise NotFound("label", label)


async def labels_of(connection: AsyncConnection, scope: AccessScope, corpus_id: CorpusId) -> dict[str, int]:
    """Return the labels of a corpus and the number that each stands for, by label."""
    await read_corpus(connection, scope, corpus_id)
    mine = version_labels.select().where(version_labels.c.corpus_id == corpus_id).order_by(version_labels.c.label)
    return {row.label: row.number for row in await connection.execute(mine)}
