"""/v1/corpora/{corpus}/gaps: what people ask of a corpus and its documents leave open."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.golden import GoldenOut, golden_out
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.texts import Name, Ref
from rag_service.domain.answers import AnswerStatus
from rag_service.domain.gaps import FoundGaps, Gap, UnmetQuestion
from rag_service.domain.ids import AnswerId

router = APIRouter(prefix="/v1/corpora/{corpus}", tags=["content gaps"], route_class=RepeatableRoute)

MOST_DAYS = 3650
MOST_EXAMPLES = 8
MOST_ALONE = 20

Days = Annotated[int | None, Query(ge=1, le=MOST_DAYS)]


class UnmetOut(BaseModel):
    """A question that was refused, answered in part or whose answer somebody disliked."""

    answer_id: str
    question: str
    status: str
    reason: str | None
    disliked: bool
    created_at: int


class GapOut(BaseModel):
    """Questions about one thing. `medoid` is most like all of them, `words` tell them from others, `examples` are the newest.

    `people` counts end users, and a key that names none as one. `reasons` are those of `status` abstained and partial.
    `is_golden`: a golden question asks what the medoid asks.
    """

    object: Literal["corpus.gap"] = "corpus.gap"
    words: list[str]
    medoid: UnmetOut
    questions: int
    abstained: int
    partial: int
    disliked: int
    people: int
    reasons: dict[str, int]
    first_seen: int
    last_seen: int
    examples: list[UnmetOut]
    is_golden: bool


class AloneOut(BaseModel):
    """Questions that are like no other, and the newest of them."""

    questions: int
    examples: list[UnmetOut]


class GapsOut(BaseModel):
    """The gaps since a moment, the largest first; `truncated` when older questions of the time were left out."""

    object: Literal["corpus.gaps"] = "corpus.gaps"
    corpus_id: str
    since: int
    questions: int
    truncated: bool
    gaps: list[GapOut]
    alone: AloneOut


class OpenQuestion(BaseModel):
    """The answer that left a question open."""

    model_config = ConfigDict(extra="forbid")

    answer_id: Name


@router.get("/gaps")
async def find_gaps(parts: Parts, scope: Scope, corpus: Ref, days: Days = None) -> GapsOut:
    """Find what questions of the last days were left open, among the answers that this key may read. Takes eval."""
    return _found(await parts.content_gaps.find(scope, corpus=corpus, days=days))


@router.post("/golden/from-gap")
async def propose_from_gap(parts: Parts, scope: Scope, corpus: Ref, body: OpenQuestion) -> GoldenOut:
    """Propose the question of a gap, such as its medoid; asked again, it returns what was proposed."""
    answer_id = AnswerId(body.answer_id)
    return golden_out(await parts.content_gaps.propose(scope, corpus=corpus, answer_id=answer_id))


def _found(found: FoundGaps) -> GapsOut:
    return GapsOut(
        corpus_id=found.corpus_id,
        since=int(found.since.timestamp()),
        questions=found.looked_at,
        truncated=found.is_cut,
        gaps=[_gap(gap) for gap in found.gaps],
        alone=AloneOut(questions=len(found.alone), examples=_examples(found.alone, MOST_ALONE)),
    )


def _gap(gap: Gap) -> GapOut:
    return GapOut(
        words=list(gap.words),
        medoid=_unmet(gap.medoid),
        questions=len(gap.questions),
        abstained=gap.count(AnswerStatus.ABSTAINED),
        partial=gap.count(AnswerStatus.PARTIAL),
        disliked=gap.disliked,
        people=gap.people,
        reasons=gap.reasons,
        first_seen=int(gap.first_seen.timestamp()),
        last_seen=int(gap.last_seen.timestamp()),
        examples=_examples(gap.questions, MOST_EXAMPLES),
        is_golden=gap.is_golden,
    )


def _examples(questions: Sequence[UnmetQuestion], most: int) -> list[UnmetOut]:
    """Return the newest, each wording once."""
    wordings = {one.question: one for one in reversed(questions)}
    return [_unmet(one) for one in questions if wordings[one.question] is one][:most]


def _unmet(one: UnmetQuestion) -> UnmetOut:
    return UnmetOut(
        answer_id=one.answer_id,
        question=one.question,
        status=one.status.value,
        reason=one.reason,
        disliked=one.is_disliked,
        created_at=int(one.created_at.timestamp()),
    )
