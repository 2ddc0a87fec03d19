"""/v1/answers: stored answers, and what people thought of them."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictInt, field_validator

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.openai.chat_reply import (
    CitationOut,
    RagDetail,
    UsageOut,
    citation_out,
    sources,
    summary,
    usage_out,
)
from rag_service.api.texts import Ref, Text
from rag_service.domain.answers import Answer, Feedback
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.ids import AnswerId

router = APIRouter(prefix="/v1/answers", tags=["answers"], route_class=RepeatableRoute)

_RATING: dict[int | str, Literal[-1, 1]] = {1: 1, -1: -1, "up": 1, "down": -1}


class MessageOut(BaseModel):
    """A turn of the conversation."""

    role: str
    content: str


class AnswerOut(BaseModel):
    """The stored record of one question. `searched_for` is the standalone question that was searched."""

    id: str
    object: Literal["answer"] = "answer"
    created_at: int
    messages: list[MessageOut]
    searched_for: str
    content: str
    citations: list[CitationOut]
    dropped_units: int
    answerability: float
    generator: str
    usage: UsageOut
    x_rag: RagDetail


class NewFeedback(BaseModel):
    """Thumbs: 1 or "up", -1 or "down"."""

    model_config = ConfigDict(strict=True, extra="ignore")

    rating: Literal["up", "down"] | StrictInt
    comment: Annotated[Text, Field(max_length=4000)] | None = None

    @field_validator("rating")
    @classmethod
    def _is_a_thumb(cls, value: int | str) -> int | str:
        # A literal 1 would also accept true.
        if value not in _RATING:
            raise ValueError('must be 1 or "up", -1 or "down"')
        return value


class FeedbackOut(BaseModel):
    """What was kept."""

    object: Literal["answer.feedback"] = "answer.feedback"
    answer_id: str
    rating: Literal[-1, 1]
    comment: str
    created_at: int


@router.get("/{answer_id}")
async def read_answer(parts: Parts, scope: Scope, answer_id: Ref) -> AnswerOut:
    """Return an answer that this key gave; `admin` sees the tenant's."""
    async with parts.tell_erased(scope, TombstoneKind.ANSWER, answer_id), parts.catalog.reading() as tx:
        answer = await tx.answers.get(scope, AnswerId(answer_id))
    return _answer(answer, parts.settings.public_url)


@router.post("/{answer_id}/feedback")
async def give_feedback(parts: Parts, scope: Scope, answer_id: Ref, body: NewFeedback) -> FeedbackOut:
    """Keep a rating, in place of the caller's earlier one."""
    async with parts.tell_erased(scope, TombstoneKind.ANSWER, answer_id):
        feedback = await parts.give_feedback(
            scope, answer_id=AnswerId(answer_id), rating=_RATING[body.rating], comment=body.comment or ""
        )
    return _feedback(feedback)


def _answer(answer: Answer, public_url: str) -> AnswerOut:
    return AnswerOut(
        id=answer.id,
        created_at=int(answer.created_at.timestamp()),
        messages=[MessageOut(role=message.role, content=message.content) for message in answer.messages],
        searched_for=answer.searched_for,
        content=answer.text,
        citations=[citation_out(citation) for citation in answer.citations],
        dropped_units=answer.dropped_units,
        answerability=answer.answerability,
        generator=answer.generator,
        usage=usage_out(answer.usage),
        x_rag=summary(answer).model_copy(update={"sources": sources(answer.passages, public_url)}),
    )


def _feedback(feedback: Feedback) -> FeedbackOut:
    return FeedbackOut(
        answer_id=feedback.answer_id,
        rating=feedback.rating,
        comment=feedback.comment,
        created_at=int(feedback.created_at.timestamp()),
    )
