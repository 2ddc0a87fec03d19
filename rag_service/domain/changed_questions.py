"""The questions that two runs answered otherwise, the worst first. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from typing import Any

from rag_service.domain.causes import causes_of
from rag_service.domain.evaluations import CaseResult
from rag_service.domain.metric_names import ABSTENTION_RECALL, LESS_IS_BETTER, SPENT
from rag_service.domain.trends import SettingChange

_ANSWERED = frozenset({"answered", "partial"})
_LOOKED_AT = 5  # first passages, from which a changed document may have pushed another
_NOTABLE = 0.05  # mean change of a question's scores below which it counts as the same

Evidence = Mapping[str, Any]
Pair = tuple[CaseResult, CaseResult]


class Turn(StrEnum):
    """What became of something. Different: another answer that is neither better nor worse."""

    BETTER = "better"
    WORSE = "worse"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAnswer:
    """An answer as it is compared: `cited` are keys of documents."""

    status: str
    text: str
    cited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedQuestion:
    """A question that was answered otherwise. `scores` are those that differ, before and after.

    `documents` are not the same in both versions, and were expected, cited or among the first found. `causes` name what was
    made otherwise and may be why; without any, nothing that is known of the runs is.
    """

    case_id: str
    question: str
    turn: Turn
    reasons: tuple[str, ...]
    before: SeenAnswer
    after: SeenAnswer
    scores: Mapping[str, tuple[float, float]]
    documents: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


def lower_is_better(metric: str) -> bool:
    """Say whether less of a metric is more."""
    return metric in LESS_IS_BETTER


def is_spent(metric: str) -> bool:
    """Say whether a metric tells what an answer takes, not how good it is."""
    return metric in SPENT


def answers_rightly(evidence: Evidence) -> bool | None:
    """Say whether what can be answered was, and nothing else; None when it could not be asked."""
    return None if evidence["status"] is None else (evidence["status"] in _ANSWERED) == evidence["answerable"]


def cites_gold(evidence: Evidence) -> bool | None:
    """Say whether a gold quote was cited; None when there is none, or when it could not be asked."""
    return None if evidence["status"] is None or not evidence["gold"] else bool(evidence["gold_cited"])


def abstains_rightly(evidence: Evidence) -> bool | None:
    """Say whether what cannot be answered was refused; None when it can be, or could not be asked."""
    return None if evidence["answerable"] else answers_rightly(evidence)


OUTCOMES: Mapping[str, Callable[[Evidence], bool | None]] = {
    "answers or abstains rightly": answers_rightly,
    "cites a gold quote": cites_gold,
    ABSTENTION_RECALL: abstains_rightly,
}


def changed_questions(
    pairs: Sequence[Pair], changed_documents: Collection[str], changes: Sequence[SettingChange]
) -> tuple[ChangedQuestion, ...]:
    """Return the questions that were answered otherwise: worse ones first, then better, then merely different ones.

    `changed_documents` are keys of those that are not the same in both runs, `changes` what else was made otherwise.
    """
    found = [changed for pair in pairs if (changed := _changed(*pair, changed_documents, changes)) is not None]
    order = (Turn.WORSE, Turn.BETTER, Turn.DIFFERENT)
    return tuple(sorted(found, key=lambda one: (order.index(one.turn), one.case_id)))


def _changed(
    before: CaseResult, after: CaseResult, changed_documents: Collection[str], changes: Sequence[SettingChange]
) -> ChangedQuestion | None:
    scores = _differing(before.scores, after.scores)
    steps = _steps(before.evidence, after.evidence)
    gain = float(sum(step for step, _ in steps)) or _gain(scores)
    old, new = seen_answer(before.evidence), seen_answer(after.evidence)
    if not steps and not gain and old == new:
        return None
    return ChangedQuestion(
        case_id=before.case_id,
        question=before.evidence["question"],
        turn=Turn.DIFFERENT if not gain else Turn.BETTER if gain > 0 else Turn.WORSE,
        reasons=tuple(reason for _, reason in steps) or (_by_scores(gain),),
        before=old,
        after=new,
        scores=scores,
        documents=tuple(sorted((_touched(before.evidence) | _touched(after.evidence)) & set(changed_documents))),
        causes=causes_of(before.evidence, after.evidence, changes, by_scores=not steps and bool(gain)),
    )


def _steps(before: Evidence, after: Evidence) -> list[tuple[int, str]]:
    """Return what the question lost (-1) and won (+1), in words."""
    steps = []
    if (won := _step(answers_rightly, before, after)) is not None:
        steps.append((won, _DECIDED[bool(before["answerable"]), won]))
    if (won := _step(cites_gold, before, after)) is not None:
        steps.append((won, "cites a gold quote now" if won > 0 else "no longer cites a gold quote"))
    return steps


_DECIDED = {
    (True, 1): "is answered now",
    (True, -1): "is no longer answered",
    (False, 1): "abstains now, as the documents do not say",
    (False, -1): "is answered now, though the documents do not say",
}


def _step(holds: Callable[[Evidence], bool | None], before: Evidence, after: Evidence) -> int | None:
    match holds(before), holds(after):
        case False, True:
            return 1
        case True, False:
            return -1
    return None


def _by_scores(gain: float) -> str:
    if not gain:
        return "has another answer"
    return "has better scores" if gain > 0 else "has worse scores"


def _differing(before: Mapping[str, float | None], after: Mapping[str, float | None]) -> dict[str, tuple[float, float]]:
    both = {name: (old, after.get(name)) for name, old in before.items() if not is_spent(name)}
    return {name: (old, new) for name, (old, new) in both.items() if old is not None and new is not None and old != new}


def _gain(scores: Mapping[str, tuple[float, float]]) -> float:
    """Return by how much the scores are better on the mean, 0 when that is next to nothing."""
    gains = [old - new if lower_is_better(name) else new - old for name, (old, new) in scores.items()]
    mean = fmean(gains) if gains else 0.0
    return mean if abs(mean) >= _NOTABLE else 0.0


def seen_answer(evidence: Evidence) -> SeenAnswer:
    """Return how a question was answered."""
    cited = dict.fromkeys(one["document_key"] for one in evidence["cited"])
    return SeenAnswer(status=evidence["status"] or "failed", text=evidence["answer"], cited=tuple(cited))


def _touched(evidence: Evidence) -> set[str]:
    places = (*evidence["gold"], *evidence["cited"], *evidence["found"][:_LOOKED_AT])
    return {place["document_key"] for place in places}
