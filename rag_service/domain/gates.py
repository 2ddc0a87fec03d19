"""The gate: what the golden questions say of a draft that is about to be published."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rag_service.domain.changed_questions import SeenAnswer
from rag_service.domain.golden import WEAK_BELOW
from rag_service.domain.ids import CorpusId, DraftId, EvalRunId, GoldenId, TenantId


class Verdict(StrEnum):
    """What a gate decided. Unmeasured: the questions could not be asked; it blocks, but nothing is said of the draft."""

    PASSED = "passed"
    BLOCKED = "blocked"
    UNMEASURED = "unmeasured"


class GateDecision(StrEnum):
    """What a gate says of a publish. Wait: there is no verdict yet."""

    OPEN = "open"
    WAIT = "wait"
    SHUT = "shut"


class Strength(StrEnum):
    """How much a gate can see: it is weak with few questions, and there is none without any."""

    NONE = "none"
    WEAK = "weak"
    FULL = "full"


class RegressionKind(StrEnum):
    """What a golden question lost."""

    LOST_CITATION = "lost_citation"  # the gold quote was cited, and is no longer
    ABSTAINS = "abstains"  # it was answered, and is no longer
    ANSWERS = "answers"  # the documents do not say, and it abstained; now it is answered
    JUDGED_WORSE = (
        "judged_worse"  # the judge finds a metric worse each time, and this question among what pulls it down
    )


class Cause(StrEnum):
    """What a document did to a question."""

    LOST_QUOTE = "lost_quote"  # it held the quote, and does not any more, or is gone
    DISPLACED = "displaced"  # it stands among the first passages now, where the quote's document stood
    CITED = "cited"  # the new answer rests on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Responsible:
    """A changed document that explains a regression."""

    document_key: str
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """A golden question that is worse off with the draft. Several documents may be responsible, or none that is known."""

    question_id: GoldenId
    question: str
    kind: RegressionKind
    before: SeenAnswer
    after: SeenAnswer
    responsible: tuple[Responsible, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The verdict about a draft as it was sealed under `number` against the version `against` (0: none was published).

    `questions` were asked of both. `run_id` and `base_run_id` hold the evidence, None when nothing was asked. `suite_digest`
    is the version of the set of questions that counted: the verdict says nothing of others.
    """

    tenant_id: TenantId
    corpus_id: CorpusId
    draft_id: DraftId
    number: int
    against: int
    verdict: Verdict
    questions: int
    suite_digest: str = ""
    regressions: tuple[Regression, ...] = ()
    run_id: EvalRunId | None = None
    base_run_id: EvalRunId | None = None
    reason: str | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A person takes a regression of a draft upon them, by name and with a reason: what else the question may lose is none."""

    draft_id: DraftId
    question_id: GoldenId
    kind: RegressionKind
    reason: str
    accepted_by: str
    created_at: datetime


def strength_of(questions: int) -> Strength:
    """Return how much a gate with so many questions can see."""
    if questions == 0:
        return Strength.NONE
    return Strength.WEAK if questions < WEAK_BELOW else Strength.FULL


def lets_through(gate: Gate, acceptances: Iterable[Acceptance]) -> bool:
    """Say whether a draft may be published: it passed, or every regression was accepted by name."""
    match gate.verdict:
        case Verdict.PASSED:
            return True
        case Verdict.BLOCKED:
            accepted = {(acceptance.question_id, acceptance.kind) for acceptance in acceptances}
            return all((regression.question_id, regression.kind) in accepted for regression in gate.regressions)
        case Verdict.UNMEASURED:
            return False
