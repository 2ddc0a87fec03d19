"""/v1/corpora/{corpus}/golden: what a corpus must be able to answer, and where the answer stands."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.json_lines import JSON_LINES, json_lines
from rag_service.api.lists import Asked, ItemList, Listed, item_list
from rag_service.api.texts import Name, Ref, Text
from rag_service.domain.answers import Message
from rag_service.domain.gates import Strength, strength_of
from rag_service.domain.golden import GoldenQuestion, GoldenState, GoldQuote
from rag_service.domain.golden_content import GoldenContent, golden_row
from rag_service.domain.ids import AnswerId, GoldenId
from rag_service.errors import InvalidRequest
from rag_service.use_cases.gate_words import strength_in_words
from rag_service.use_cases.golden import ContentChanges
from rag_service.use_cases.golden_additions import EVERY_STATE
from rag_service.use_cases.golden_growth import MOST_SYNTHESISED, Grown

router = APIRouter(prefix="/v1/corpora/{corpus}/golden", tags=["golden questions"], route_class=RepeatableRoute)

MOST_REVIEWED = 100
_BIGGEST_SEED = 2**31 - 1


class Turn(BaseModel):
    """A turn of the conversation; the last one is the user's question."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: Text


class Quote(BaseModel):
    """Words of a published document, by its key, that hold the answer."""

    model_config = ConfigDict(extra="forbid")

    document_key: Text
    text: Text


class NewGolden(BaseModel):
    """A `question`, or `messages` that end with it when turns come before, and what is known about its answer."""

    model_config = ConfigDict(extra="forbid")

    question: Text | None = None
    messages: list[Turn] | None = None
    answerable: StrictBool = True
    answers: list[Text] = Field(default_factory=list)
    quotes: list[Quote] = Field(default_factory=list)
    note: Text = ""


class ChangedGolden(BaseModel):
    """What is to be another way; null leaves things as they are.

    `question` replaces the last turn only, `messages` the whole conversation. With `edits`, as the question was read,
    nothing is changed (409) when somebody has changed its content since.
    """

    model_config = ConfigDict(extra="forbid")

    question: Text | None = None
    messages: list[Turn] | None = None
    answerable: StrictBool | None = None
    answers: list[Text] | None = None
    quotes: list[Quote] | None = None
    note: Text | None = None
    edits: StrictInt | None = None


class RatedAnswer(BaseModel):
    """An answer with feedback, whose question is to be proposed."""

    model_config = ConfigDict(extra="forbid")

    answer_id: Name


class Review(BaseModel):
    """Questions that are to count, and questions that are not."""

    model_config = ConfigDict(extra="forbid")

    accept: list[Name] = Field(default_factory=list, max_length=MOST_REVIEWED)
    reject: list[Name] = Field(default_factory=list, max_length=MOST_REVIEWED)


class NewSynthesis(BaseModel):
    """How many questions are to be made by rules; another seed makes others."""

    model_config = ConfigDict(strict=True, extra="forbid")

    limit: int = Field(20, ge=1, le=MOST_SYNTHESISED)
    seed: int = Field(1, ge=0, le=_BIGGEST_SEED)


class GoldenOut(Listed):
    """A golden question. `origin_ref` names what it came from; `edits` counts changes to its content from 1."""

    object: Literal["corpus.golden"] = "corpus.golden"
    corpus_id: str
    question: str
    messages: list[Turn]
    answerable: bool
    answers: list[str]
    quotes: list[Quote]
    note: str
    state: str
    origin: str
    origin_ref: str | None
    author: str | None
    edits: int
    created_at: int
    updated_at: int


class CountsOut(BaseModel):
    """How many questions there are of each state, and what that means for publishing: no gate, a weak or a full one.

    `note` says it in words.
    """

    object: Literal["corpus.golden.counts"] = "corpus.golden.counts"
    proposed: int
    accepted: int
    rejected: int
    gate: Strength
    note: str


class RefusedOut(BaseModel):
    """A line that is no golden question of this corpus, and why."""

    line: int
    message: str


class GrownOut(BaseModel):
    """What an import or a synthesis added; duplicates of what is there were left out."""

    object: Literal["corpus.golden.grown"] = "corpus.golden.grown"
    added: int
    duplicates: int
    refused: list[RefusedOut]


class GoldenRemoved(BaseModel):
    """A question that is gone."""

    id: str
    object: Literal["corpus.golden.deleted"] = "corpus.golden.deleted"
    deleted: bool = True


@router.get("")
async def list_golden(
    parts: Parts, scope: Scope, corpus: Ref, page: Asked, state: GoldenState | None = None
) -> ItemList[GoldenOut]:
    """List golden questions by time. This and all below takes the permission eval."""
    found = await parts.golden.list(scope, corpus=corpus, state=state, page=page)
    return item_list([golden_out(question) for question in found.items], has_more=found.has_more)


@router.post("")
async def add_golden(parts: Parts, scope: Scope, corpus: Ref, body: NewGolden) -> GoldenOut:
    """Add a question that counts at once."""
    _assert_not_both(body.question, body.messages)
    asked = _messages(body.messages or ()) if body.question is None else (Message(role="user", content=body.question),)
    content = GoldenContent(
        messages=asked,
        answerable=body.answerable,
        answers=tuple(body.answers),
        quotes=_quotes(body.quotes),
        note=body.note,
    )
    return golden_out(await parts.golden.add(scope, corpus=corpus, content=content))


@router.get("/counts")
async def count_golden(parts: Parts, scope: Scope, corpus: Ref) -> CountsOut:
    """Count the questions of each state."""
    counts = await parts.golden.counts(scope, corpus=corpus)
    accepted = counts[GoldenState.ACCEPTED]
    return CountsOut(
        proposed=counts[GoldenState.PROPOSED],
        accepted=accepted,
        rejected=counts[GoldenState.REJECTED],
        gate=strength_of(accepted),
        note=strength_in_words(accepted),
    )


@router.get("/export", response_class=Response, responses=JSON_LINES)
async def export_golden(parts: Parts, scope: Scope, corpus: Ref, state: GoldenState | None = None) -> Response:
    """Return the questions as JSON lines, oldest first, as the import takes them."""
    states = EVERY_STATE if state is None else (state,)
    questions = await parts.golden.all(scope, corpus=corpus, states=states)
    return await asyncio.to_thread(json_lines, map(_row, questions))


@router.post("/import")
async def import_golden(
    parts: Parts,
    scope: Scope,
    corpus: Ref,
    request: Request,
    state: Annotated[Literal["accepted", "proposed"], Query()] = "accepted",
) -> GrownOut:
    """Add questions from JSON lines {question, answers, quote, document, answerable}; others say why they cannot be used."""
    lines = (await request.body()).splitlines()
    return _grown(await parts.grow_golden.import_rows(scope, corpus=corpus, lines=lines, state=GoldenState(state)))


@router.post("/from-answer")
async def propose_from_answer(parts: Parts, scope: Scope, corpus: Ref, body: RatedAnswer) -> GoldenOut:
    """Propose the question of an answer that has feedback; asked again, it returns what was proposed."""
    answer_id = AnswerId(body.answer_id)
    return golden_out(await parts.grow_golden.propose_from_answer(scope, corpus=corpus, answer_id=answer_id))


@router.post("/synthesise")
async def synthesise_golden(parts: Parts, scope: Scope, corpus: Ref, body: NewSynthesis) -> GrownOut:
    """Propose questions made by rules from what is published; no model is asked."""
    return _grown(await parts.grow_golden.synthesise(scope, corpus=corpus, seed=body.seed, limit=body.limit))


@router.post("/review")
async def review_golden(parts: Parts, scope: Scope, corpus: Ref, body: Review) -> ItemList[GoldenOut]:
    """Accept and reject questions, all of them or none."""
    accept, reject = [GoldenId(one) for one in body.accept], [GoldenId(one) for one in body.reject]
    reviewed = await parts.golden.review(scope, corpus=corpus, accept=accept, reject=reject)
    return item_list([golden_out(question) for question in reviewed], has_more=False)


@router.get("/{golden}")
async def read_golden(parts: Parts, scope: Scope, corpus: Ref, golden: Ref) -> GoldenOut:
    """Describe a question."""
    return golden_out(await parts.golden.get(scope, corpus=corpus, golden_id=GoldenId(golden)))


@router.patch("/{golden}")
async def change_golden(parts: Parts, scope: Scope, corpus: Ref, golden: Ref, body: ChangedGolden) -> GoldenOut:
    """Change the content of a question."""
    _assert_not_both(body.question, body.messages)
    changes = ContentChanges(
        question=body.question,
        messages=None if body.messages is None else _messages(body.messages),
        answerable=body.answerable,
        answers=None if body.answers is None else tuple(body.answers),
        quotes=None if body.quotes is None else _quotes(body.quotes),
        note=body.note,
    )
    golden_id = GoldenId(golden)
    edited = await parts.golden.edit(scope, corpus=corpus, golden_id=golden_id, changes=changes, seen_edits=body.edits)
    return golden_out(edited)


@router.delete("/{golden}")
async def remove_golden(parts: Parts, scope: Scope, corpus: Ref, golden: Ref) -> GoldenRemoved:
    """Remove a question."""
    await parts.golden.remove(scope, corpus=corpus, golden_id=GoldenId(golden))
    return GoldenRemoved(id=golden)


def golden_out(question: GoldenQuestion) -> GoldenOut:
    """Return a question as it is written in replies."""
    return GoldenOut(
        id=question.id,
        corpus_id=question.corpus_id,
        question=question.question,
        messages=[Turn(role=message.role, content=message.content) for message in question.messages],
        answerable=question.answerable,
        answers=list(question.answers),
        quotes=[Quote(document_key=quote.document_key, text=quote.text) for quote in question.quotes],
        note=question.note,
        state=question.state.value,
        origin=question.origin.value,
        origin_ref=question.origin_ref,
        author=question.author,
        edits=question.edits,
        created_at=int(question.created_at.timestamp()),
        updated_at=int(question.updated_at.timestamp()),
    )


def _assert_not_both(question: str | None, messages: Sequence[Turn] | None) -> None:
    if question is not None and messages is not None:
        raise InvalidRequest("Give a question or messages, not both.", param="messages")


def _row(question: GoldenQuestion) -> dict[str, Any]:
    whence = {"state": question.state.value, "origin": question.origin.value, "origin_ref": question.origin_ref}
    return {"id": question.id, **golden_row(question), **whence}


def _grown(grown: Grown) -> GrownOut:
    refused = [RefusedOut(line=one.line, message=one.message) for one in grown.refused]
    return GrownOut(added=len(grown.added), duplicates=grown.duplicates, refused=refused)


def _messages(turns: Sequence[Turn]) -> tuple[Message, ...]:
    return tuple(Message(role=turn.role, content=turn.content) for turn in turns)


def _quotes(quotes: Sequence[Quote]) -> tuple[GoldQuote, ...]:
    return tuple(GoldQuote(document_key=quote.document_key, text=quote.text) for quote in quotes)
