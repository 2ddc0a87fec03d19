"""Golden questions of corpora."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.batches import batches
from rag_service.catalog.corpus_rows import read_corpus
from rag_service.catalog.pagination import fetch_page
from rag_service.catalog.scoping import allowed_corpora, shows_nothing_hidden
from rag_service.catalog.tables import corpora, documents, golden_question_documents, golden_questions
from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Message
from rag_service.domain.golden import GoldenQuestion, GoldenState, GoldQuote, Origin
from rag_service.domain.ids import CorpusId, DocumentId, GoldenId
from rag_service.domain.pages import Page, PageRequest
from rag_service.errors import NotFound

_MESSAGES = TypeAdapter(tuple[Message, ...])
_QUOTES = TypeAdapter(tuple[GoldQuote, ...])


class SqlGoldenQuestions:
    """Implements `ports.catalog.GoldenQuestions`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, scope: AccessScope, questions: Sequence[GoldenQuestion]) -> None:
        for corpus_id in sorted({question.corpus_id for question in questions}):
            await read_corpus(self._connection, scope, corpus_id)
        for batch in batches(questions):
            await self._connection.execute(golden_questions.insert(), [_values_of(question) for question in batch])
        await self._note_documents(questions)

    async def get(self, scope: AccessScope, golden_id: GoldenId, *, lock: bool = False) -> GoldenQuestion:
        one = _allowed(scope).where(golden_questions.c.id == golden_id)
        held = one.with_for_update(of=golden_questions, key_share=True) if lock else one
        row = (await self._connection.execute(held)).first()
        if row is None:
            raise NotFound("golden question", golden_id)
        return _question_of(row)

    async def known(
        self, scope: AccessScope, ids: Collection[GoldenId], *, lock: bool = False
    ) -> dict[GoldenId, GoldenQuestion]:
        found: dict[GoldenId, GoldenQuestion] = {}
        for batch in batches(sorted(ids)):
            named = _allowed(scope).where(golden_questions.c.id.in_(batch)).order_by(golden_questions.c.id)
            held = named.with_for_update(of=golden_questions, read=True, key_share=True) if lock else named
            found |= {row.id: _question_of(row) for row in await self._connection.execute(held)}
        return found

    async def hold_documents(self, question: GoldenQuestion) -> None:
        await self._ids(sorted(_quoted(question)))

    async def change(self, scope: AccessScope, question: GoldenQuestion) -> None:
        kept = await self.get(scope, question.id, lock=True)
        values = _values_of(question)
        fixed = ("id", "tenant_id", "corpus_id", "origin", "origin_ref", "author", "created_at")
        changed = {name: value for name, value in values.items() if name not in fixed}
        await self._connection.execute(
            golden_questions.update().where(golden_questions.c.id == question.id).values(changed)
        )
        moved = replace(question, corpus_id=kept.corpus_id)
        if _quoted(moved) == _quoted(kept):
            return
        links = golden_question_documents
        await self._connection.execute(links.delete().where(links.c.question_id == question.id))
        await self._note_documents([moved])

    async def remove(self, scope: AccessScope, golden_id: GoldenId) -> None:
        await self.get(scope, golden_id)
        await self._connection.execute(golden_questions.delete().where(golden_questions.c.id == golden_id))

    async def all(
        self, scope: AccessScope, corpus_id: CorpusId, *, states: Collection[GoldenState]
    ) -> list[GoldenQuestion]:
        mine = _allowed(scope).where(
            golden_questions.c.corpus_id == corpus_id, golden_questions.c.state.in_([state.value for state in states])
        )
        rows = await self._connection.execute(mine.order_by(golden_questions.c.created_at, golden_questions.c.id))
        return [_question_of(row) for row in rows]

    async def page(
        self, scope: AccessScope, corpus_id: CorpusId, *, state: GoldenState | None, page: PageRequest
    ) -> Page[GoldenQuestion]:
        rows = _allowed(scope).where(golden_questions.c.corpus_id == corpus_id)
        if state is not None:
            rows = rows.where(golden_questions.c.state == state.value)
        position = (golden_questions.c.created_at, golden_questions.c.id)
        return await fetch_page(
            self._connection,
            rows,
            position=position,
            cursor=lambda golden_id: (
                _allowed(scope).where(golden_questions.c.id == golden_id).with_only_columns(*position)
            ),
            page=page,
            item_of=_question_of,
        )

    async def counts(self, scope: AccessScope, corpus_id: CorpusId) -> dict[GoldenState, int]:
        by_state = (
            _allowed(scope)
            .where(golden_questions.c.corpus_id == corpus_id)
            .with_only_columns(golden_questions.c.state, sa.func.count().label("number"))
            .group_by(golden_questions.c.state)
        )
        found = {GoldenState(row.state): row.number for row in await self._connection.execute(by_state)}
        return {state: found.get(state, 0) for state in GoldenState}

    async def _note_documents(self, questions: Sequence[GoldenQuestion]) -> None:
        quoted = {place for question in questions for place in _quoted(question)}
        ids = await self._ids(sorted(quoted))
        for _, key in sorted(quoted - ids.keys()):
            raise NotFound("document", key)
        links = {
            (question.id, ids[question.corpus_id, quote.document_key])
            for question in questions
            for quote in question.quotes
        }
        rows = [{"question_id": question_id, "document_id": document_id} for question_id, document_id in sorted(links)]
        for batch in batches(rows):
            await self._connection.execute(golden_question_documents.insert(), batch)

    async def _ids(self, places: Sequence[tuple[CorpusId, str]]) -> dict[tuple[CorpusId, str], DocumentId]:
        found: set[str] = set()
        for batch in batches(places):
            named = sa.select(documents.c.id).where(
                documents.c.corpus_id.in_({corpus_id for corpus_id, _ in batch}),
                documents.c.key.in_({key for _, key in batch}),
            )
            found.update((await self._connection.execute(named)).scalars())
        ids: dict[tuple[CorpusId, str], DocumentId] = {}
        # Whoever erases one of them has to wait, and finds the question then; without its key it is erased already.
        for some in batches(sorted(found)):
            there = sa.select(documents.c.id, documents.c.corpus_id, documents.c.key).where(documents.c.id.in_(some))
            held = there.order_by(documents.c.id).with_for_update(read=True, key_share=True)
            for row in await self._connection.execute(held):
                ids[CorpusId(row.corpus_id), row.key] = DocumentId(row.id)
        return ids


def _quoted(question: GoldenQuestion) -> set[tuple[CorpusId, str]]:
    """Return the documents that a question quotes, by corpus and key."""
    return {(question.corpus_id, quote.document_key) for quote in question.quotes}


def _allowed(scope: AccessScope) -> sa.Select[Any]:
    return sa.select(golden_questions).join(corpora).where(allowed_corpora(scope), _is_visible(scope))


def _is_visible(scope: AccessScope) -> sa.ColumnElement[bool]:
    """Questions that quote nothing but documents that the scope may see."""
    links = golden_question_documents
    return shows_nothing_hidden(scope, links, links.c.question_id == golden_questions.c.id, golden_questions)


def _question_of(row: sa.Row[Any]) -> GoldenQuestion:
    content = row.content
    return GoldenQuestion(
        id=row.id,
        tenant_id=row.tenant_id,
        corpus_id=row.corpus_id,
        messages=_MESSAGES.validate_python(content["messages"]),
        answerable=row.answerable,
        answers=tuple(content["answers"]),
        quotes=_QUOTES.validate_python(content["quotes"]),
        note=content["note"],
        state=GoldenState(row.state),
        origin=Origin(row.origin),
        origin_ref=row.origin_ref,
        author=row.author,
        edits=row.edits,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _values_of(question: GoldenQuestion) -> dict[str, Any]:
    return {
        "id": question.id,
        "tenant_id": question.tenant_id,
        "corpus_id": question.corpus_id,
        "content": {
            "messages": _MESSAGES.dump_python(question.messages, mode="json"),
            "answers": list(question.answers),
            "quotes": _QUOTES.dump_python(question.quotes, mode="json"),
            "note": question.note,
        },
        "answerable": question.answerable,
        "state": question.state.value,
        "origin": question.origin.value,
        "origin_ref": question.origin_ref,
        "author": question.author,
        "edits": question.edits,
        "created_at": question.created_at,
        "updated_at": question.updated_at,
    }
