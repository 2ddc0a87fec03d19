"""Golden questions that come from elsewhere: files, answers people rated, and the documents themselves."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from math import ceil
from typing import TypeVar

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Answer, AnswerStatus, Feedback, Message
from rag_service.domain.documents import ParsedDocument
from rag_service.domain.golden import GoldenQuestion, GoldenState, GoldQuote, Origin
from rag_service.domain.golden_content import (
    MOST_ITEMS,
    GoldenContent,
    assert_asks,
    assert_complete,
    read_golden_row,
)
from rag_service.domain.golden_synthesis import paragraphs_of, synthesised
from rag_service.domain.ids import AnswerId
from rag_service.domain.spans import sha256_of
from rag_service.domain.versions import Corpus, Member
from rag_service.errors import InvalidRequest, NotFound, TooLarge
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.use_cases.golden import corpus_to_evaluate, new_question
from rag_service.use_cases.golden_additions import add_new, propose, proposed_from, seen_golden
from rag_service.use_cases.golden_quotes import quote_problems

MOST_ROWS = 2_000
"""Of one import."""

MOST_SYNTHESISED = 100
_ERASED = "It came from an answer that has been erased, and what was asked there does not come back."
_DOCUMENTS_PER_QUESTION = 5
"""So many documents are looked at for each question wanted: of some nothing can be made."""

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A line of an import that is no golden question of this corpus; lines count from 1."""

    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """What was added, how many were there already, and what could not be used."""

    added: Sequence[GoldenQuestion]
    duplicates: int
    refused: Sequence[Refused] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    line: int
    content: GoldenContent
    ref: str | None


class GrowGolden:
    """Adds golden questions, each that is not there yet. All of it takes `eval`."""

    def __init__(self, *, catalog: Catalog, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._clock = clock

    async def import_rows(
        self, scope: AccessScope, *, corpus: str, lines: Sequence[str | bytes], state: GoldenState
    ) -> Grown:
        """Add the questions in lines of JSON, as `read_golden_row` takes them; empty lines count as lines.

        Raises:
            TooLarge: there are too many lines.
            Gone: an answer that one of them came from was erased meanwhile.
        """
        if len(lines) > MOST_ROWS:
            raise TooLarge(f"Import at most {MOST_ROWS} questions at once.")
        rows, unread = _read(lines, is_complete=state is GoldenState.ACCEPTED)
        async with self._catalog.reading() as tx:
            target = await corpus_to_evaluate(tx, scope, corpus)
            quotes = (quote for row in rows for quote in row.content.quotes)
            problems = await quote_problems(tx, scope, target, quotes)
            erased = await tx.answers.erased(scope, {AnswerId(row.ref) for row in rows if row.ref})
        wrong = {row: [problems[quote] for quote in row.content.quotes if quote in problems] for row in rows}
        wrong |= {row: [_ERASED] for row in rows if row.ref in erased}
        made = partial(new_question, target, state=state, origin=Origin.IMPORT, scope=scope)
        questions = [made(row.content, origin_ref=row.ref, now=self._clock()) for row in rows if not wrong[row]]
        added, duplicates = await self._add_new(scope, target, questions)
        unfounded = [Refused(line=row.line, message=" ".join(why)) for row, why in wrong.items() if why]
        refused = sorted([*unread, *unfounded], key=lambda one: one.line)
        return Grown(added=added, duplicates=duplicates, refused=refused)

    async def propose_from_answer(self, scope: AccessScope, *, corpus: str, answer_id: AnswerId) -> GoldenQuestion:
        """Propose the question of an answer that somebody rated, or return what was proposed from it before.

        What a good answer cited comes along as quotes; a good answer that the documents do not say makes a question
        that cannot be answered. The newest feedback counts.

        Raises:
            InvalidRequest: nobody rated it.
            Conflict: another golden question asks the same.
            Gone: the answer was erased meanwhile.
        """
        async with self._catalog.reading() as tx:
            target = await corpus_to_evaluate(tx, scope, corpus)
            answer = await tx.answers.get(scope, answer_id)
            if answer.corpus_id != target.id:
                raise NotFound("answer", answer_id)
            seen = await seen_golden(tx, scope, target)
            if proposed := proposed_from(answer_id, Origin.FEEDBACK, seen):
                return proposed
            feedback = await tx.answers.feedback(scope, answer_id)
            if not feedback:
                raise InvalidRequest("Nobody has rated this answer.", param="answer_id")
            content = await _content_of(tx, scope, answer, feedback[0])
        assert_asks(content)
        made = partial(new_question, target, content, scope=scope, now=self._clock())
        question = made(state=GoldenState.PROPOSED, origin=Origin.FEEDBACK, origin_ref=answer_id)
        return await propose(self._catalog, scope, target, question, seen)

    async def synthesise(self, scope: AccessScope, *, corpus: str, seed: int, limit: int) -> Grown:
        """Propose questions made by rules from what is published; the same seed makes the same ones."""
        target, found = await self._made(scope, corpus, synthesised, seed=seed, limit=limit)
        added, duplicates = await self._propose(scope, target, found, made_by=f"seed {seed}")
        return Grown(added=added, duplicates=duplicates)

    async def paragraphs(self, scope: AccessScope, *, corpus: str, seed: int, limit: int) -> list[GoldQuote]:
        """Return paragraphs of what is published, for somebody who makes questions of them; the same for the same seed."""
        _, found = await self._made(scope, corpus, paragraphs_of, seed=seed, limit=limit)
        return found

    async def propose_made(
        self, scope: AccessScope, *, corpus: str, contents: Sequence[GoldenContent], made_by: str
    ) -> Grown:
        """Propose questions that a language model made; what does not stand in the documents is refused, by place from 1."""
        async with self._catalog.reading() as tx:
            target = await corpus_to_evaluate(tx, scope, corpus)
            problems = await quote_problems(tx, scope, target, (one for content in contents for one in content.quotes))
        usable, refused = [], []
        for place, content in enumerate(contents, start=1):
            if why := _why_not(content, problems):
                refused.append(Refused(line=place, message=why))
            else:
                usable.append(content)
        added, duplicates = await self._propose(scope, target, usable, made_by=made_by)
        return Grown(added=added, duplicates=duplicates, refused=refused)

    async def _made(
        self, scope: AccessScope, corpus: str, make: Callable[..., list[Made]], *, seed: int, limit: int
    ) -> tuple[Corpus, list[Made]]:
        """Return at most `limit` of what `make` makes of documents, a like share of each."""
        async with self._catalog.reading() as tx:
            target = await corpus_to_evaluate(tx, scope, corpus)
            members = await tx.versions.members(scope, target.id, target.published)
        found: list[Made] = []
        share = ceil(limit / max(len(members), 1))
        in_order = sorted(members, key=lambda member: sha256_of(f"{seed}\x1f{member.document_id}"))
        for member in in_order[: limit * _DOCUMENTS_PER_QUESTION]:
            if len(found) < limit and (source := await self._source(scope, member)):
                key, parsed = source
                found += await asyncio.to_thread(make, parsed, document_key=key, seed=seed, limit=share)
        return target, found[:limit]

    async def _propose(
        self, scope: AccessScope, target: Corpus, contents: Sequence[GoldenContent], *, made_by: str
    ) -> tuple[Sequence[GoldenQuestion], int]:
        made = partial(new_question, target, state=GoldenState.PROPOSED, origin=Origin.SYNTHESIS, scope=scope)
        questions = [made(content, origin_ref=made_by, now=self._clock()) for content in contents]
        return await self._add_new(scope, target, questions)

    async def _source(self, scope: AccessScope, member: Member) -> tuple[str, ParsedDocument] | None:
        """Return key and text of a document, None when it is not for this caller, or erased since."""
        async with self._catalog.reading() as tx:
            try:
                document = await tx.documents.get(scope, member.document_id)
                return document.key, await tx.documents.parsed(scope, member.document_id, member.revision)
            except NotFound:
                return None

    async def _add_new(
        self, scope: AccessScope, corpus: Corpus, questions: Sequence[GoldenQuestion]
    ) -> tuple[Sequence[GoldenQuestion], int]:
        async with self._catalog.reading() as tx:
            seen = await seen_golden(tx, scope, corpus)
        found = await add_new(self._catalog, scope, corpus, questions, seen)
        return found.new, len(found.same)


def _read(lines: Sequence[str | bytes], *, is_complete: bool) -> tuple[list[_Row], list[Refused]]:
    rows, refused = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            content, ref = read_golden_row(line)
            assert_asks(content)
            if is_complete:
                assert_complete(content)
        except InvalidRequest as exc:
            refused.append(Refused(line=number, message=str(exc)))
        else:
            rows.append(_Row(line=number, content=content, ref=ref))
    return rows, refused


def _why_not(content: GoldenContent, problems: Mapping[GoldQuote, str]) -> str:
    """Return why a question cannot be used; empty when it can."""
    try:
        assert_asks(content)
    except InvalidRequest as exc:
        return str(exc)
    return " ".join(problems[quote] for quote in content.quotes if quote in problems)


async def _content_of(tx: Transaction, scope: AccessScope, answer: Answer, feedback: Feedback) -> GoldenContent:
    if feedback.rating < 0 or answer.status is AnswerStatus.ABSTAINED:
        # Earlier answers of the conversation hold words of documents that nothing here would name: the question stands alone.
        alone = (Message(role="user", content=answer.searched_for),)
        content = GoldenContent(messages=alone, note=feedback.comment)
        # What would be right instead of a bad answer, only a person can say.
        return content if feedback.rating < 0 else replace(content, answerable=False)
    content = GoldenContent(messages=answer.messages, note=feedback.comment)
    quotes: dict[GoldQuote, None] = {}
    for citation in answer.citations:
        try:
            document = await tx.documents.get(scope, citation.document_id)
        except NotFound:
            continue
        quotes[GoldQuote(document_key=document.key, text=citation.quote)] = None
    return replace(content, quotes=tuple(quotes)[:MOST_ITEMS])
