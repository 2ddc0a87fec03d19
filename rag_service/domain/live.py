"""Answers that people got, as they are scored afterwards, and what of them is not as it was before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from rag_service.domain.answers import AnswerStatus
from rag_service.domain.ids import AnswerId, CorpusId, TenantId
from rag_service.domain.metric_names import COST, FAITHFULNESS, LATENCY, RELEVANCE, TOKENS

QUESTIONS = "questions"
RETRIEVAL = "retrieval similarity"
SUPPORT = "support"
ABSTENTION = "abstention"

WATCHED = (QUESTIONS, RETRIEVAL, SUPPORT, FAITHFULNESS, RELEVANCE, ABSTENTION, LATENCY, TOKENS, COST)
"""What is compared with the days before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCandidate:
    """A kept answer that may be scored. `asked_at` is when its question came."""

    answer_id: AnswerId
    tenant_id: TenantId
    corpus_id: CorpusId
    status: AnswerStatus
    asked_at: datetime
    is_scored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveScore:
    """The scores of one answer; None where one is missing, with its reason in `missing`.

    The answer was chosen because `draw`, a number in [0, 1) that follows from its id, lies below `rate`. `question` is
    the vector of what was asked (little-endian float32), made by the model `embedder`.
    """

    answer_id: AnswerId
    tenant_id: TenantId
    corpus_id: CorpusId
    status: AnswerStatus
    asked_at: datetime
    draw: float
    rate: float
    values: Mapping[str, float | None]
    missing: Mapping[str, str]
    embedder: str
    judge: str | None
    scored_at: datetime
    question: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveValues:
    """Of the scores of one answer, what a mean needs."""

    corpus_id: CorpusId
    status: AnswerStatus
    rate: float
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One measure of the answers of a corpus in a window, beside the days before it.

    `reference` and `current` are means, of `reference_count` and `current_count` answers; both are None, as are index and
    p-value, when there were too few. `window_end` is not in the window.
    """

    tenant_id: TenantId
    corpus_id: CorpusId
    measure: str
    window_start: datetime
    window_end: datetime
    reference: float | None
    current: float | None
    reference_count: int
    current_count: int
    psi: float | None
    p_value: float | None
    has_drifted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMean:
    """The mean of a score over the answers of which it could be taken."""

    value: float
    measured: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveDay:
    """The answers of one day (UTC) that were scored."""

    day: date
    scored: int
    means: Mapping[str, LiveMean]


def days_of(scores: Iterable[LiveScore]) -> tuple[LiveDay, ...]:
    """Return the days that have scores, oldest first."""
    by_time = sorted(scores, key=lambda score: score.asked_at)
    days = ((day, list(found)) for day, found in groupby(by_time, key=lambda score: score.asked_at.date()))
    return tuple(LiveDay(day=day, scored=len(found), means=means_of(found)) for day, found in days)


def means_of(scores: Sequence[LiveScore | LiveValues]) -> Mapping[str, LiveMean]:
    """Return the mean of each score that was taken. An answer that stands for many counts as many (Horvitz-Thompson)."""
    names = dict.fromkeys(name for score in scores for name, value in score.values.items() if value is not None)
    found = {name: _mean((score.values.get(name), score.rate) for score in scores) for name in names}
    refused = ((float(score.status is AnswerStatus.ABSTAINED), score.rate) for score in scores)
    return found | ({ABSTENTION: _mean(refused)} if scores else {})


def _mean(values: Iterable[tuple[float | None, float]]) -> LiveMean:
    taken = [(value, 1 / rate) for value, rate in values if value is not None]
    total = sum(weight for _, weight in taken)
    return LiveMean(value=sum(value * weight for value, weight in taken) / total, measured=len(taken))
