"""The rows of builds, as drafts, versions and publications change them."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.tables import builds, versions
from rag_service.domain.builds import BuildState
from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.errors import Conflict


async def assert_build(connection: AsyncConnection, corpus_id: CorpusId, fingerprint: Fingerprint) -> None:
    """Raise Conflict unless the corpus has this build."""
    one = sa.select(builds.c.fingerprint).where(_is(corpus_id, fingerprint))
    if (await connection.execute(one)).first() is None:
        raise Conflict(f"The build {fingerprint} of this corpus is not there any more. Rebuild the corpus.")


async def sync_build(connection: AsyncConnection, corpus_id: CorpusId, fingerprint: Fingerprint, number: int) -> None:
    """Note that a build has all points up to version `number`."""
    await assert_build(connection, corpus_id, fingerprint)
    await connection.execute(builds.update().where(_is(corpus_id, fingerprint)).values(synced=number))


async def take_back_build(connection: AsyncConnection, corpus_id: CorpusId, fingerprint: Fingerprint | None) -> None:
    """Note that what a build has ends at the highest version that is left.

    A build that the unsealed draft was about to be brought up to date is ready again: what was written of that is more
    than the law of points asks for, and the reconciler takes it away.
    """
    highest = sa.select(sa.func.coalesce(sa.func.max(versions.c.number), 0)).where(versions.c.corpus_id == corpus_id)
    left = highest.scalar_subquery()
    lower = sa.case((builds.c.synced > left, left), else_=builds.c.synced)
    changed = builds.update().where(builds.c.corpus_id == corpus_id, builds.c.fingerprint == fingerprint)
    await connection.execute(changed.values(synced=lower, state=BuildState.READY))


def _is(corpus_id: CorpusId, fingerprint: Fingerprint) -> sa.ColumnElement[bool]:
    return sa.and_(builds.c.corpus_id == corpus_id, builds.c.fingerprint == fingerprint)
