"""Raw files that go with what is erased: hidden with it, though their rows go later."""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.database import insert_into
from rag_service.catalog.tables import documents, files, revisions, tombstones
from rag_service.domain.erasures import Tombstone, TombstoneKind


async def bury_files(connection: AsyncConnection, stone: Tombstone) -> None:
    """Put tombstones where the files are with the bytes of a document, or of a corpus, that nothing else is made from.

    A file that was uploaded again has no revision of its own when the document had its bytes already.
    """
    if stone.kind not in {TombstoneKind.DOCUMENT, TombstoneKind.CORPUS}:
        return
    of_subject = (documents.c.id if stone.kind is TombstoneKind.DOCUMENT else documents.c.corpus_id) == stone.id
    made = sa.select(revisions.c.raw_sha256).join(documents, documents.c.id == revisions.c.document_id)
    mine, others = made.where(of_subject), made.where(~of_subject, revisions.c.file_id == files.c.id)
    said = asdict(stone) | {"kind": TombstoneKind.FILE.value}
    columns: dict[str, sa.ColumnElement[Any]] = {
        name: sa.literal(value, tombstones.c[name].type).label(name) for name, value in said.items()
    }
    columns["id"] = files.c.id
    only = sa.select(*columns.values()).where(
        files.c.tenant_id == stone.tenant_id, files.c.sha256.in_(mine), ~others.correlate(files).exists()
    )
    new = insert_into(connection, tombstones).from_select(list(columns), only)
    await connection.execute(new.on_conflict_do_nothing())
