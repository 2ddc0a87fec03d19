"""Runs of suites and their results, as they are kept."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from rag_service.domain.golden import Digested, digest_of
from rag_service.domain.ids import CorpusId, DocumentId, DraftId, EvalRunId, TenantId, new_id

GOLDEN_SUITE = "golden"
"""The suite of a corpus's own golden questions."""


class RunPurpose(StrEnum):
    """What a run was made for. After publish: the automatic draft is measured when it is live already."""

    BY_HAND = "by_hand"
    NIGHTLY = "nightly"
    GATE = "gate"
    AFTER_PUBLISH = "after_publish"


class EvalRunState(StrEnum):
    """How far a run is. Failed: it could not be measured, `error` says why; that is neither passed nor not passed."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


NOT_UPLOADED: Final = "It was not uploaded"
"""How the note of a run begins that did not reach its receiver."""

OPEN_RUNS = frozenset({EvalRunState.QUEUED, EvalRunState.RUNNING})
"""Something will still become of a run in one of these states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The mean of the scores that could be taken, and how many of all cases those are.

    `value` is None when none could; `missing` counts the others by reason. `low` and `high` bound the mean (95 %, by
    bootstrap) and are None below two scores. `target` is the least value that passes.
    """

    name: str
    value: float | None
    measured: int
    total: int
    missing: Mapping[str, int] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    target: float | None = None

    @property
    def passed(self) -> bool | None:
        """Say whether the target is reached; None without a target. A missing value reaches none."""
        if self.target is None:
            return None
        return self.value is not None and self.value >= self.target


def all_reached(figures: Iterable[Figure]) -> bool | None:
    """Say whether every target is reached; None when nothing has a target."""
    verdicts = [figure.passed for figure in figures if figure.passed is not None]
    return all(verdicts) if verdicts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalRun:
    """One run of one suite over one version of one corpus.

    `made_with` names everything that decides the figures, `suite_digest` the content of the suite, `judge` the language
    model that judged, None without one. `number` is the version; None before it is pinned.
    """

    id: EvalRunId
    tenant_id: TenantId
    corpus_id: CorpusId
    number: int | None
    draft_id: DraftId | None
    suite: str
    suite_digest: str
    purpose: RunPurpose
    state: EvalRunState
    made_with: Mapping[str, str] = field(default_factory=dict)
    judge: str | None = None
    total: int = 0
    done: int = 0
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None
    created_at: datetime
    finished_at: datetime | None = None

    @property
    def passed(self) -> bool | None:
        """Say whether every target was reached; None before the end, and when nothing has a target."""
        return all_reached(self.figures) if self.state is EvalRunState.FINISHED else None

    @property
    def did_not_arrive(self) -> bool:
        """Say whether it was to be uploaded, and did not arrive."""
        return any(note.startswith(NOT_UPLOADED) for note in self.notes)

    def failed(self, error: str, now: datetime) -> "EvalRun":
        """Return the run as one that could not be measured."""
        return replace(self, state=EvalRunState.FAILED, error=error, finished_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What became of one question in a run.

    `scores` has None where a score is missing, with its reason in `missing`. `evidence` is what a person needs to judge
    it: question, answer, status, passages, citations. `documents` are those whose text is in it: it goes when one of them
    is erased. A result with the same `cache_key` would come out the same.
    """

    case_id: str
    cache_key: str
    scores: Mapping[str, float | None]
    missing: Mapping[str, str]
    evidence: Mapping[str, Any]
    documents: frozenset[DocumentId] = frozenset()


def new_run(
    tenant_id: TenantId,
    corpus_id: CorpusId,
    questions: Collection[Digested],
    *,
    number: int | None,
    draft_id: DraftId | None,
    suite: str = GOLDEN_SUITE,
    purpose: RunPurpose,
    now: datetime,
) -> EvalRun:
    """Return a run that waits to begin. `draft_id` is the draft that is sealed under `number`, if it is not published."""
    return EvalRun(
        id=EvalRunId(new_id("eval_")),
        tenant_id=tenant_id,
        corpus_id=corpus_id,
        number=number,
        draft_id=draft_id,
        suite=suite,
        suite_digest=digest_of(questions),
        purpose=purpose,
        state=EvalRunState.QUEUED,
        total=len(questions),
        created_at=now,
    )
