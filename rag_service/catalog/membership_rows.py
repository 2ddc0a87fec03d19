"""Who is a member from when until when."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.scoping import among, is_storable, unindexed
from rag_service.catalog.tables import memberships
from rag_service.domain.ids import CorpusId, DocumentId
from rag_service.domain.versions import OPEN, Member, Version, VersionDifference


async def members_at(
    connection: AsyncConnection, corpus_id: CorpusId, number: int, documents: Sequence[DocumentId] | None = None
) -> frozenset[Member]:
    """Return what is visible at version `number`, of all documents or of some."""
    if not is_storable(number):
        return frozenset()
    visible = _members().where(memberships.c.born <= number, memberships.c.died > number)
    if documents is None:
        return await _read(connection, visible.where(memberships.c.corpus_id == corpus_id))
    found: frozenset[Member] = frozenset()
    visible = visible.where(unindexed(memberships.c.corpus_id) == corpus_id)
    for batch in batches(documents):
        found |= await _read(connection, visible.where(memberships.c.document_id.in_(batch)))
    return found


async def revisions_at(
    connection: AsyncConnection, corpus_id: CorpusId, number: int, documents: Sequence[DocumentId]
) -> dict[DocumentId, int]:
    """Return which revision of each of the documents is visible at version `number`; others are left out."""
    members = await members_at(connection, corpus_id, number, documents)
    return {member.document_id: member.revision for member in members}


async def births_of(
    connection: AsyncConnection, corpus_id: CorpusId, members: Sequence[Member], at: int
) -> dict[Member, int]:
    """Return `born` of each member that is visible at `at`."""
    if not is_storable(at):
        return {}
    visible = memberships.select().where(
        unindexed(memberships.c.corpus_id) == corpus_id, memberships.c.born <= at, memberships.c.died > at
    )
    found = {}
    for batch in batches(members):
        wanted = visible.where(among(batch, memberships.c.document_id, memberships.c.revision))
        for row in await connection.execute(wanted):
            found[Member(document_id=row.document_id, revision=row.revision)] = row.born
    return found


async def written_at(connection: AsyncConnection, corpus_id: CorpusId, number: int) -> VersionDifference:
    """Return what was born and what died at version `number`."""
    if not is_storable(number):
        return VersionDifference(born=frozenset(), died=frozenset())
    mine = _members().where(memberships.c.corpus_id == corpus_id)
    return VersionDifference(
        born=await _read(connection, mine.where(memberships.c.born == number)),
        died=await _read(connection, mine.where(memberships.c.died == number)),
    )


async def write_memberships(connection: AsyncConnection, version: Version, difference: VersionDifference) -> None:
    """End what dies at a version and begin what is born."""
    await _end(connection, version, difference.died)
    await _begin(connection, version, difference.born)


async def undo_memberships(connection: AsyncConnection, corpus_id: CorpusId, number: int) -> None:
    """Take back what the highest version wrote."""
    mine = memberships.c.corpus_id == corpus_id
    # What the highest version brought lives on: said, because the index begins with it.
    born = sa.and_(mine, memberships.c.died == OPEN, memberships.c.born == number)
    await connection.execute(memberships.delete().where(born))
    await connection.execute(memberships.update().where(mine, memberships.c.died == number).values(died=OPEN))


async def _end(connection: AsyncConnection, version: Version, died: Iterable[Member]) -> None:
    ended = (
        memberships.update()
        .where(
            unindexed(memberships.c.corpus_id) == version.corpus_id,
            memberships.c.document_id == sa.bindparam("member_document"),
            memberships.c.revision == sa.bindparam("member_revision"),
            memberships.c.died == OPEN,
        )
        .values(died=version.number)
    )
    rows = [{"member_document": member.document_id, "member_revision": member.revision} for member in died]
    await _execute_many(connection, ended, rows)


async def _begin(connection: AsyncConnection, version: Version, born: Iterable[Member]) -> None:
    rows = [
        {
            "corpus_id": version.corpus_id,
            "document_id": member.document_id,
            "revision": member.revision,
            "born": version.number,
            "died": OPEN,
        }
        for member in born
    ]
    await _execute_many(connection, memberships.insert(), rows)


async def _execute_many(connection: AsyncConnection, statement: sa.UpdateBase, rows: list[dict[str, Any]]) -> None:
    for batch in batches(rows):
        await connection.execute(statement, batch)


def _members() -> sa.Select[tuple[str, int]]:
    return sa.select(memberships.c.document_id, memberships.c.revision)


async def _read(connection: AsyncConnection, wanted: sa.Select[tuple[str, int]]) -> frozenset[Member]:
    rows = await connection.execute(wanted)
    return frozenset(Member(document_id=DocumentId(row.document_id), revision=row.revision) for row in rows)
