"""/v1/corpora/{corpus}/drafts/{draft}/gate: what the golden questions say of a draft, and what people take upon them."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.texts import Name, Ref, Text
from rag_service.domain.changed_questions import SeenAnswer
from rag_service.domain.gates import Acceptance
from rag_service.domain.ids import GoldenId
from rag_service.use_cases.gate_words import CAUSES, KINDS, state_in_words, strength_in_words
from rag_service.use_cases.manage_gates import MAX_REASON_CHARS, SeenGate, SeenRegression

MAX_ACCEPTED = 1000

router = APIRouter(prefix="/v1/corpora/{corpus}/drafts/{draft}/gate", tags=["drafts"], route_class=RepeatableRoute)


class NewAcceptances(BaseModel):
    """Questions of which it is accepted that the draft makes them worse, and why."""

    model_config = ConfigDict(strict=True, extra="forbid")

    question_ids: Annotated[list[Name], Field(min_length=1, max_length=MAX_ACCEPTED)]
    reason: Annotated[Text, Field(min_length=1, max_length=MAX_REASON_CHARS)]


class AcceptanceOut(BaseModel):
    """Who took upon them what a question lost, when and why; `accepted_by` is a key, whose name may be gone with it."""

    object: Literal["corpus.draft.gate.acceptance"] = "corpus.draft.gate.acceptance"
    question_id: str
    kind: str
    reason: str
    accepted_by: str
    accepted_by_name: str | None
    created_at: int


class GateAnswerOut(BaseModel):
    """How a question was answered; `cited` are keys of documents."""

    status: str
    text: str
    cited: list[str]


class ResponsibleOut(BaseModel):
    """A changed document that explains it: it held the quote, or stands where the quote's document stood."""

    document_key: str
    cause: str
    explanation: str


class RegressionOut(BaseModel):
    """A question that is worse off with the draft.

    `hidden`: it is shown without words, as the caller may not publish or not see one of its documents.
    """

    object: Literal["corpus.draft.gate.regression"] = "corpus.draft.gate.regression"
    question_id: str
    question: str
    kind: str
    explanation: str
    before: GateAnswerOut
    after: GateAnswerOut
    responsible: list[ResponsibleOut]
    hidden: bool
    acceptance: AcceptanceOut | None


class GateOut(BaseModel):
    """What is known about a draft before it is published.

    `verdict` to `regressions` are the newest verdict, which is about the draft as it is now when `is_current` is true.
    `job_id` is the job that brings the draft on, null when it waits for a person or is published.
    """

    object: Literal["corpus.draft.gate"] = "corpus.draft.gate"
    draft_id: str
    draft_state: str
    state: str
    state_note: str
    strength: str
    strength_note: str
    questions: int
    verdict: str | None
    is_current: bool
    number: int | None
    against: int | None
    reason: str | None
    run_id: str | None
    base_run_id: str | None
    created_at: int | None
    regressions: list[RegressionOut]
    acceptances: list[AcceptanceOut]
    job_id: str | None


@router.get("")
async def read_gate(parts: Parts, scope: Scope, corpus: Ref, draft: Ref) -> GateOut:
    """Say what the golden questions of the corpus say of a draft."""
    return gate_out(await parts.gates.read(scope, corpus=corpus, draft=draft))


@router.post("/acceptances")
async def accept_regressions(parts: Parts, scope: Scope, corpus: Ref, draft: Ref, body: NewAcceptances) -> GateOut:
    """Accept that questions are worse off, by name and with a reason. Publish again when all are accepted."""
    question_ids = [GoldenId(question_id) for question_id in body.question_ids]
    accepted = await parts.gates.accept(
        scope, corpus=corpus, draft=draft, question_ids=question_ids, reason=body.reason
    )
    return gate_out(accepted)


def gate_out(seen: SeenGate) -> GateOut:
    """Return a gate as it is sent."""
    gate = seen.gate
    return GateOut(
        draft_id=seen.draft.id,
        draft_state=seen.draft.state.value,
        state=seen.state.value,
        state_note=state_in_words(seen),
        strength=seen.strength.value,
        strength_note=strength_in_words(seen.questions),
        questions=seen.questions,
        verdict=gate.verdict.value if gate else None,
        is_current=seen.is_current,
        number=gate.number if gate else None,
        against=gate.against if gate else None,
        reason=gate.reason if gate else None,
        run_id=gate.run_id if gate else None,
        base_run_id=gate.base_run_id if gate else None,
        created_at=int(gate.created_at.timestamp()) if gate else None,
        regressions=[_regression(seen, one) for one in seen.regressions],
        acceptances=[_acceptance(seen, one) for one in seen.acceptances],
        job_id=seen.job_id,
    )


def _regression(seen: SeenGate, one: SeenRegression) -> RegressionOut:
    regression = one.regression
    responsible = [
        ResponsibleOut(document_key=each.document_key, cause=each.cause.value, explanation=CAUSES[each.cause])
        for each in regression.responsible
    ]
    return RegressionOut(
        question_id=regression.question_id,
        question=regression.question,
        kind=regression.kind.value,
        explanation=KINDS[regression.kind],
        before=_answer(regression.before),
        after=_answer(regression.after),
        responsible=responsible,
        hidden=one.is_hidden,
        acceptance=_acceptance(seen, one.acceptance) if one.acceptance else None,
    )


def _answer(answer: SeenAnswer) -> GateAnswerOut:
    return GateAnswerOut(status=answer.status, text=answer.text, cited=list(answer.cited))


def _acceptance(seen: SeenGate, acceptance: Acceptance) -> AcceptanceOut:
    return AcceptanceOut(
        question_id=acceptance.question_id,
        kind=acceptance.kind.value,
        reason=acceptance.reason,
        accepted_by=acceptance.accepted_by,
        accepted_by_name=seen.names.get(acceptance.accepted_by),
        created_at=int(acceptance.created_at.timestamp()),
    )
