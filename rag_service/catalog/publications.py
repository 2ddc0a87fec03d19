"""What is published, and the log of it."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.build_rows import assert_build
from rag_service.catalog.corpus_rows import read_corpus
from rag_service.catalog.pagination import fetch_page, number_in
from rag_service.catalog.rows import columns_of
from rag_service.catalog.scoping import allowed_corpora, is_storable
from rag_service.catalog.tables import builds, corpora, memberships, publications, revisions, versions
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.versions import Publication
from rag_service.errors import Conflict, NotFound


async def publish(
    connection: AsyncConnection, scope: AccessScope, corpus_id: CorpusId, number: int, *, expected: int, now: datetime
) -> Publication:
    """Make version `number` the published one, if `expected` still is, and note it in the log."""
    if number == expected:
        raise Conflict(f"Version {number} is published already.")
    # In a statement of its own: else PostgreSQL looks for the version as of before it waited, while retention drops it.
    await connection.execute(sa.select(corpora.c.id).where(corpora.c.id == corpus_id).with_for_update(key_share=True))
    if not is_storable(number) or not await _switch(connection, scope, corpus_id, number, expected):
        sealed_under = await _build_of(connection, scope, corpus_id, number)
        await assert_build(connection, corpus_id, sealed_under)
        raise Conflict(f"Version {expected} is not the published one any more.")
    mine = sa.and_(versions.c.corpus_id == corpus_id, versions.c.number == number)
    first = versions.update().where(mine, versions.c.published_at.is_(None))
    if (await connection.execute(first.values(published_at=now))).rowcount:
        await _mark_revisions(connection, corpus_id, number)
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
    of_version = sa.and_(versions.c.corpus_id == corpora.c.id, versions.c.number == number)
    has_build = sa.and_(builds.c.corpus_id == versions.c.corpus_id, builds.c.fingerprint == versions.c.fingerprint)
    # The comparison is part of the update: of two that publish at once, one finds another number there.
    here = corpora.update().where(
        allowed_corpora(scope),
        corpora.c.id == corpus_id,
        corpora.c.published == expected,
        sa.exists().where(of_version, has_build),
    )
    fingerprint = sa.select(versions.c.fingerprint).where(of_version).correlate(corpora).scalar_subquery()
    return (await connection.execute(here.values(published=number, fingerprint=fingerprint))).rowcount == 1


async def _build_of(connection: AsyncConnection, scope: AccessScope, corpus_id: CorpusId, number: int) -> Fingerprint:
    """Return the build that a version was sealed under, or raise NotFound."""
    wanted = number if is_storable(number) else 0  # which no version has
    sealed = sa.select(versions.c.fingerprint).join(corpora).where(allowed_corpora(scope), corpora.c.id == corpus_id)
    fingerprint = (await connection.execute(sealed.where(versions.c.number == wanted))).scalar_one_or_none()
    if fingerprint is None:
        raise NotFound("version", str(number))
    return Fingerprint(fingerprint)


async def _mark_revisions(connection: AsyncConnection, corpus_id: CorpusId, number: int) -> None:
    """Note of what version `number` brought that people could ask it: what it took over, they could before."""
    born = sa.and_(memberships.c.corpus_id == corpus_id, memberships.c.born == number)
    brought = sa.exists().where(
        born, memberships.c.document_id == revisions.c.document_id, memberships.c.revision == revisions.c.number
    )
    among_these = revisions.c.document_id.in_(sa.select(memberships.c.document_id).where(born))
    await connection.execute(revisions.update().where(among_these, brought).values(was_published=True))


async def _next_sequence(connection: AsyncConnection, corpus_id: CorpusId) -> int:
    """Return the next place in the log; the corpus's row is locked by its update."""
    last = sa.select(sa.func.max(publications.c.sequence)).where(publications.c.corpus_id == corpus_id)
    return ((await connection.execute(last)).scalar_one() or 0) + 1


def _publication_of(row: sa.Row[Any]) -> Publication:
    return Publication(**columns_of(row))  # the columns are the fields
