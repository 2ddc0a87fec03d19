"""What is published, and the log of it."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.corpus_rows import read_corpus
from rag_service.catalog.pagination import fetch_page, number_in
from rag_service.catalog.rows import columns_of
from rag_service.catalog.scoping import allowed_corpora, is_storable
from rag_service.catalog.tables import corpora, publications, versions
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.versions import Publication
from rag_service.errors import Conflict, NotFound


async def publish(
    connection: AsyncConnection, scope: AccessScope, corpus_id: CorpusId, number: int, *, expected: int, now: datetime
) -> Publication:
    """Make version `number` the published one, if `expected` still is, and note it in the log."""
    if number == expected:
        raise Conflict(f"Version {number} is published already.")
    if not is_storable(number) or not await _switch(connection, scope, corpus_id, number, expected):
        await _assert_sealed(connection, scope, corpus_id, number)
        raise Conflict(f"Version {expected} is not the published one any more.")
    mine = sa.and_(versions.c.corpus_id == corpus_id, versions.c.number == number)
    first = versions.update().where(mine, versions.c.published_at.is_(None))
    await connection.execute(first.values(published_at=now))
    publication = Publication(
        corpus_id=corpus_id,
        sequence=await _next_sequence(connection, corpus_id),
        number=number,
        previous=expected,
        key_id=scope.key_id,
        created_at=now,
    )
    await connection.execute(publications.insert().values(asdict(publication)))
    return publication


async def list_publications(
    connection: AsyncConnection, scope: AccessScope, corpus_id: CorpusId, page: PageRequest
) -> Page[Publication]:
    """Return a part of the log of a corpus."""
    await read_corpus(connection, scope, corpus_id)
    position = (publications.c.corpus_id, publications.c.sequence)
    mine = publications.c.corpus_id == corpus_id
    return await fetch_page(
        connection,
        publications.select().where(mine),
        position=position,
        cursor=lambda item: sa.select(*position).where(mine, publications.c.sequence == number_in(item)),
        page=page,
        item_of=_publication_of,
    )


async def _switch(
    connection: AsyncConnection, scope: AccessScope, corpus_id: CorpusId, number: int, expected: int
) -> bool:
    sealed = sa.exists().where(versions.c.corpus_id == corpora.c.id, versions.c.number == number)
    # The comparison is part of the update: of two that publish at once, one finds another number there.
    here = corpora.update().where(
        allowed_corpora(scope), corpora.c.id == corpus_id, corpora.c.published == expected, sealed
    )
    return (await connection.execute(here.values(published=number))).rowcount == 1


async def _assert_sealed(connection: AsyncConnection, scope: AccessScope, corpus_id: CorpusId, number: int) -> None:
    wanted = number if is_storable(number) else 0  # which no version has
    sealed = sa.select(versions.c.number).join(corpora).where(allowed_corpora(scope), corpora.c.id == corpus_id)
    if (await connection.execute(sealed.where(versions.c.number == wanted))).first() is None:
        raise NotFound("version", str(number))


async def _next_sequence(connection: AsyncConnection, corpus_id: CorpusId) -> int:
    """Return the next place in the log; the corpus's row is locked by its update."""
    last = sa.select(sa.func.max(publications.c.sequence)).where(publications.c.corpus_id == corpus_id)
    return ((await connection.execute(last)).scalar_one() or 0) + 1


def _publication_of(row: sa.Row[Any]) -> Publication:
    return Publication(**columns_of(row))  # the columns are the fields
