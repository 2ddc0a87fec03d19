"""Checks of indexes, and what the reconciler found in them."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.database import insert_into
from rag_service.catalog.rows import columns_of
from rag_service.catalog.scoping import allowed_corpora
from rag_service.catalog.tables import builds, corpora, index_checks, index_comparisons
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.ids import CorpusId
from rag_service.domain.index_checks import CheckFindings, IndexCheck, IndexComparison
from rag_service.errors import NotFound

_KEPT = 100
_FOUND = TypeAdapter(CheckFindings)
_HAS_ENDED = index_checks.c.finished_at.is_not(None)
_NEWEST_FIRST = index_checks.c.begun_at.desc()


class SqlIndexChecks:
    """Implements `ports.catalog.IndexChecks`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begin(self, check: IndexCheck, *, last_before: datetime, given_up_before: datetime) -> bool:
        # Two that look at the same corpus wait for one another here.
        mine = allowed_corpora(system_scope(check.tenant_id)), corpora.c.id == check.corpus_id
        held = sa.select(corpora.c.id).where(*mine).with_for_update(key_share=True)
        if (await self._connection.execute(held)).first() is None:
            raise NotFound("corpus", check.corpus_id)
        of_corpus = sa.and_(index_checks.c.corpus_id == check.corpus_id, index_checks.c.finished_at >= last_before)
        recent = sa.select(index_checks.c.begun_at).where(sa.or_(of_corpus, _goes_on(given_up_before)))
        if (await self._connection.execute(recent.limit(1))).first() is not None:
            return False
        await self._connection.execute(index_checks.insert().values(_row_of(check)))
        return True

    async def end(self, check: IndexCheck) -> None:
        mine = index_checks.c.corpus_id == check.corpus_id
        ended = {"finished_at": check.finished_at, "found": _row_of(check)["found"]}
        await self._connection.execute(
            index_checks.update().where(mine, index_checks.c.begun_at == check.begun_at).values(ended)
        )
        newest = sa.select(index_checks.c.begun_at).where(mine).order_by(_NEWEST_FIRST).limit(1).offset(_KEPT)
        oldest_kept = (await self._connection.execute(newest)).scalar_one_or_none()
        if oldest_kept is not None:
            await self._connection.execute(index_checks.delete().where(mine, index_checks.c.begun_at <= oldest_kept))

    async def give_up(self, check: IndexCheck) -> None:
        mine = index_checks.c.corpus_id == check.corpus_id, index_checks.c.begun_at == check.begun_at
        await self._connection.execute(index_checks.delete().where(*mine, index_checks.c.finished_at.is_(None)))

    async def due(self, *, last_before: datetime) -> list[IndexCheck]:
        recent = sa.exists().where(index_checks.c.corpus_id == corpora.c.id, index_checks.c.finished_at >= last_before)
        last = sa.select(sa.func.max(index_checks.c.finished_at)).where(index_checks.c.corpus_id == corpora.c.id)
        found = _published(last.scalar_subquery().label("last")).where(~recent)
        rows = (await self._connection.execute(found)).all()
        return sorted((_to_begin(row, row.last or row.created_at) for row in rows), key=lambda one: one.begun_at)

    async def newest(self, scope: AccessScope, corpus_id: CorpusId, *, limit: int) -> list[IndexCheck]:
        found = sa.select(index_checks).join(corpora, corpora.c.id == index_checks.c.corpus_id)
        found = found.where(allowed_corpora(scope), index_checks.c.corpus_id == corpus_id, _HAS_ENDED)
        rows = await self._connection.execute(found.order_by(_NEWEST_FIRST).limit(limit))
        return [_check_of(row) for row in rows]

    async def newest_of_all(self) -> list[IndexCheck]:
        last = (
            sa.select(index_checks.c.corpus_id, sa.func.max(index_checks.c.begun_at).label("begun_at"))
            .where(_HAS_ENDED)
            .group_by(index_checks.c.corpus_id)
            .subquery()
        )
        place = sa.and_(last.c.corpus_id == index_checks.c.corpus_id, last.c.begun_at == index_checks.c.begun_at)
        rows = (await self._connection.execute(sa.select(index_checks).join(last, place))).all()
        checked = {row.corpus_id: _check_of(row) for row in rows}
        every = (await self._connection.execute(_published())).all()
        return [checked.get(row.id) or _to_begin(row, row.created_at) for row in every]

    async def note(self, comparison: IndexComparison) -> None:
        there = sa.select(builds.c.fingerprint).where(
            builds.c.corpus_id == comparison.corpus_id, builds.c.fingerprint == comparison.fingerprint
        )
        if (await self._connection.execute(there.with_for_update(read=True, key_share=True))).first() is None:
            return
        row = asdict(comparison)
        new = insert_into(self._connection, index_comparisons).values(row)
        place = [index_comparisons.c.corpus_id, index_comparisons.c.fingerprint]
        await self._connection.execute(new.on_conflict_do_update(index_elements=place, set_=row))

    async def comparisons(self) -> list[IndexComparison]:
        asked_under = sa.and_(
            corpora.c.id == index_comparisons.c.corpus_id, corpora.c.fingerprint == index_comparisons.c.fingerprint
        )
        found = sa.select(index_comparisons).join(corpora, asked_under).where(corpora.c.published > 0)
        rows = await self._connection.execute(found.order_by(index_comparisons.c.corpus_id))
        return [IndexComparison(**columns_of(row)) for row in rows]


def _goes_on(given_up_before: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(index_checks.c.finished_at.is_(None), index_checks.c.begun_at >= given_up_before)


def _published(*more: sa.Label[Any]) -> sa.Select[Any]:
    columns = ("id", "tenant_id", "fingerprint", "published", "created_at")
    found: sa.Select[Any] = sa.select(*(corpora.c[name] for name in columns), *more)
    return found.where(corpora.c.published > 0).order_by(corpora.c.id)


def _to_begin(row: sa.Row[Any], since: datetime) -> IndexCheck:
    return IndexCheck(
        tenant_id=row.tenant_id,
        corpus_id=row.id,
        fingerprint=row.fingerprint,
        version=row.published,
        engine="",
        begun_at=since,
    )


def _row_of(check: IndexCheck) -> dict[str, Any]:
    found = None if check.found is None else _FOUND.dump_python(check.found, mode="json")
    columns = {name: getattr(check, name) for name in index_checks.c.keys() if name != "found"}  # noqa: SIM118
    return columns | {"found": found}


def _check_of(row: sa.Row[Any]) -> IndexCheck:
    found = None if row.found is None else _FOUND.validate_python(row.found)
    return IndexCheck(**columns_of(row) | {"found": found})
