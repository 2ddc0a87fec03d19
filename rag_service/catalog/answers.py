"""Stored answers and what people thought of them."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.database import insert_into
from rag_service.catalog.tables import answer_sources, answer_turns, answers, feedback, tombstones
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.answers import Answer, AnswerStatus, Feedback
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.gaps import UNMET_STATES, UnmetQuestion
from rag_service.domain.ids import AnswerId, CorpusId
from rag_service.domain.spans import sha256_of_words
from rag_service.errors import Gone, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Of the record of an answer, what a content gap needs."""

    searched_for: str
    reason: str | None


_ANSWER = TypeAdapter(Answer)
_ASKED = TypeAdapter(_Asked)
_ERASED = "What this answer shows was erased meanwhile. Ask again."
_BODIES_AT_ONCE = 200
"""Each has tens of kilobytes, of which a line is kept."""


class SqlAnswers:
    """Implements `ports.catalog.Answers`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, scope: AccessScope, answer: Answer) -> None:
        with _told_when_erased():
            await self._connection.execute(_row(scope, answer))
            await self._note_sources(answer)
        await self._note_turns(answer)
        # What is only to be erased still has rows to refer to.
        doomed = sa.select(answers.c.id).where(answers.c.id == answer.id, is_to_be_erased())
        if (await self._connection.execute(doomed)).first() is not None:
            raise Gone(_ERASED)

    async def _note_sources(self, answer: Answer) -> None:
        shown = {(passage.document_id, passage.revision) for passage in answer.passages}
        rows = [
            {"answer_id": answer.id, "document_id": document_id, "revision": revision}
            for document_id, revision in sorted(shown)
        ]
        if rows:
            await self._connection.execute(answer_sources.insert(), rows)

    async def _note_turns(self, answer: Answer) -> None:
        earlier = {sha256_of_words(turn.content) for turn in answer.messages if turn.role == "assistant"}
        rows = [{"answer_id": answer.id, "sha256": sha256} for sha256 in sorted(earlier)]
        if rows:
            await self._connection.execute(answer_turns.insert(), rows)

    async def get(self, scope: AccessScope, answer_id: AnswerId) -> Answer:
        one = sa.select(answers.c.body).where(_visible(scope), answers.c.id == answer_id)
        body = (await self._connection.execute(one)).scalar_one_or_none()
        if body is None:
            raise NotFound("answer", answer_id)
        return _ANSWER.validate_json(body)

    async def add_feedback(self, scope: AccessScope, feedback: Feedback) -> None:
        await self._assert_visible(scope, feedback.answer_id)
        values = {"rating": feedback.rating, "comment": feedback.comment, "created_at": feedback.created_at}
        new = insert_into(self._connection, _FEEDBACK).values(
            answer_id=feedback.answer_id, caller=scope.caller, end_user=scope.end_user, **values
        )
        place = [_FEEDBACK.c.answer_id, _FEEDBACK.c.caller]
        await self._connection.execute(new.on_conflict_do_update(index_elements=place, set_=values))

    async def feedback(self, scope: AccessScope, answer_id: AnswerId) -> list[Feedback]:
        await self._assert_visible(scope, answer_id)
        every = _FEEDBACK.select().where(_FEEDBACK.c.answer_id == answer_id)
        rows = await self._connection.execute(every.order_by(_FEEDBACK.c.created_at.desc(), _FEEDBACK.c.caller))
        return [
            Feedback(answer_id=answer_id, rating=row.rating, comment=row.comment, created_at=row.created_at)
            for row in rows
        ]

    async def unmet(
        self, scope: AccessScope, corpus_id: CorpusId, *, since: datetime, limit: int
    ) -> list[UnmetQuestion]:
        disliked = sa.exists().where(_FEEDBACK.c.answer_id == answers.c.id, _FEEDBACK.c.rating < 0)
        newest_first = (answers.c.created_at.desc(), answers.c.id)
        wanted = sa.select(answers.c.id).where(
            _visible(scope),
            answers.c.corpus_id == corpus_id,
            answers.c.created_at >= since,
            sa.or_(answers.c.status.in_(UNMET_STATES), disliked),
        )
        ids = (await self._connection.execute(wanted.order_by(*newest_first).limit(limit))).scalars().all()
        asked_by = sa.func.coalesce(answers.c.end_user, answers.c.key_id)
        columns = (answers.c.id, answers.c.status, answers.c.created_at, answers.c.body)
        whole = sa.select(*columns, disliked.label("is_disliked"), asked_by.label("asked_by")).order_by(*newest_first)
        found: list[UnmetQuestion] = []
        for batch in batches(ids, most=_BODIES_AT_ONCE):
            rows = (await self._connection.execute(whole.where(answers.c.id.in_(batch)))).all()
            # Thousands of records are read in tenths of a second: others are served meanwhile.
            found += await asyncio.to_thread(_unmet_of, rows)
        return found

    async def asked(self, scope: AccessScope, corpus_id: CorpusId, *, since: datetime, limit: int) -> list[str]:
        # The draw looks at ids only: each body has tens of kilobytes.
        drawn = sa.select(answers.c.id).where(
            _visible(scope), answers.c.corpus_id == corpus_id, answers.c.created_at >= since
        )
        drawn = drawn.order_by(sa.func.random()).limit(limit)
        bodies = await self._connection.execute(sa.select(answers.c.body).where(answers.c.id.in_(drawn)))
        return await asyncio.to_thread(_searched_for, bodies.scalars().all())

    async def erased(self, scope: AccessScope, ids: Collection[AnswerId], *, lock: bool = False) -> set[AnswerId]:
        found: set[AnswerId] = set()
        for batch in batches(sorted(ids)):
            there = sa.select(answers.c.id, is_to_be_erased().label("is_doomed")).where(
                answers.c.tenant_id == scope.tenant_id, answers.c.id.in_(batch)
            )
            in_order = there.order_by(answers.c.id)
            held = in_order.with_for_update(of=answers, read=True, key_share=True) if lock else in_order
            found.update(row.id for row in await self._connection.execute(held) if row.is_doomed)
            # After the rows: what went while they were waited for has its tombstone by now.
            stone = tombstones.c
            buried = sa.select(stone.id).where(
                stone.tenant_id == scope.tenant_id, stone.kind == TombstoneKind.ANSWER.value, stone.id.in_(batch)
            )
            found.update((await self._connection.execute(buried)).scalars())
        return found

    async def _assert_visible(self, scope: AccessScope, answer_id: AnswerId) -> None:
        one = sa.select(answers.c.id).where(_visible(scope), answers.c.id == answer_id)
        if (await self._connection.execute(one)).first() is None:
            raise NotFound("answer", answer_id)


_FEEDBACK = feedback  # the table, where a parameter has its name


def _unmet_of(rows: Sequence[sa.Row[Any]]) -> list[UnmetQuestion]:
    return [_unmet(row, _ASKED.validate_json(row.body)) for row in rows]


def _searched_for(bodies: Sequence[str]) -> list[str]:
    return [_ASKED.validate_json(body).searched_for for body in bodies]


def _unmet(row: sa.Row[Any], asked: _Asked) -> UnmetQuestion:
    return UnmetQuestion(
        answer_id=AnswerId(row.id),
        question=asked.searched_for,
        status=AnswerStatus(row.status),
        reason=asked.reason,
        is_disliked=bool(row.is_disliked),
        asked_by=row.asked_by,
        created_at=row.created_at,
    )


def _row(scope: AccessScope, answer: Answer) -> sa.Insert:
    return answers.insert().values(
        id=answer.id,
        tenant_id=scope.tenant_id,
        key_id=answer.key_id,
        corpus_id=answer.corpus_id,
        version=answer.version,
        status=answer.status,
        created_at=answer.created_at,
        body=_ANSWER.dump_json(answer).decode(),
        end_user=scope.end_user,
        text_sha256=sha256_of_words(answer.text),
    )


@contextmanager
def _told_when_erased() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Gone(_ERASED) from error


def _visible(scope: AccessScope) -> sa.ColumnElement[bool]:
    given_to_caller = sa.true() if scope.may(Permission.ADMIN) else answers.c.key_id == scope.key_id
    to_end_user = sa.true() if scope.end_user is None else answers.c.end_user == scope.end_user
    covered = sa.true() if scope.corpora is None else answers.c.corpus_id.in_(scope.corpora)
    return sa.and_(answers.c.tenant_id == scope.tenant_id, given_to_caller, to_end_user, covered, ~is_to_be_erased())


def is_to_be_erased() -> sa.ColumnElement[bool]:
    """Answers of what was asked to be erased: gone for everybody from then on, though their rows go later."""
    stone = tombstones.c
    of_document = sa.exists().where(
        answer_sources.c.answer_id == answers.c.id,
        stone.kind == TombstoneKind.DOCUMENT.value,
        stone.id == answer_sources.c.document_id,
    )
    of_corpus = sa.exists().where(stone.kind == TombstoneKind.CORPUS.value, stone.id == answers.c.corpus_id)
    of_person = sa.exists().where(
        stone.kind == TombstoneKind.PERSON.value,
        stone.id == answers.c.end_user,
        stone.erased_at >= answers.c.created_at,
    )
    return sa.or_(of_document.correlate(answers), of_corpus.correlate(answers), of_person.correlate(answers))
