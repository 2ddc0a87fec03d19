"""Stored answers and what people thought of them."""

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.database import insert_into
from rag_service.catalog.tables import answers, feedback
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.answers import Answer, Feedback
from rag_service.domain.ids import AnswerId
from rag_service.errors import NotFound

_ANSWER = TypeAdapter(Answer)


class SqlAnswers:
    """Implements `ports.catalog.Answers`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, scope: AccessScope, answer: Answer) -> None:
        await self._connection.execute(
            answers.insert().values(
                id=answer.id,
                tenant_id=scope.tenant_id,
                key_id=answer.key_id,
                corpus_id=answer.corpus_id,
                version=answer.version,
                status=answer.status,
                created_at=answer.created_at,
                body=_ANSWER.dump_json(answer).decode(),
            )
        )

    async def get(self, scope: AccessScope, answer_id: AnswerId) -> Answer:
        one = sa.select(answers.c.body).where(_visible(scope), answers.c.id == answer_id)
        body = (await self._connection.execute(one)).scalar_one_or_none()
        if body is None:
            raise NotFound("answer", answer_id)
        return _ANSWER.validate_json(body)

    async def add_feedback(self, scope: AccessScope, feedback: Feedback) -> None:
        await self._assert_visible(scope, feedback.answer_id)
        values = {"rating": feedback.rating, "comment": feedback.comment, "created_at": feedback.created_at}
        caller = scope.key_id or ""
        new = insert_into(self._connection, _FEEDBACK).values(answer_id=feedback.answer_id, caller=caller, **values)
        place = [_FEEDBACK.c.answer_id, _FEEDBACK.c.caller]
        await self._connection.execute(new.on_conflict_do_update(index_elements=place, set_=values))

    async def _assert_visible(self, scope: AccessScope, answer_id: AnswerId) -> None:
        one = sa.select(answers.c.id).where(_visible(scope), answers.c.id == answer_id)
        if (await self._connection.execute(one)).first() is None:
            raise NotFound("answer", answer_id)


_FEEDBACK = feedback  # the table, where a parameter has its name


def _visible(scope: AccessScope) -> sa.ColumnElement[bool]:
    given_to_caller = sa.true() if scope.may(Permission.ADMIN) else answers.c.key_id == scope.key_id
    covered = sa.true() if scope.corpora is None else answers.c.corpus_id.in_(scope.corpora)
    return sa.and_(answers.c.tenant_id == scope.tenant_id, given_to_caller, covered)
