"""The cases of a run as people look for them: the worst first, and those with something wrong. Pure."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from statistics import fmean

from rag_service.domain.changed_questions import answers_rightly, cites_gold, is_spent, lower_is_better
from rag_service.domain.evaluations import CaseResult


class Show(StrEnum):
    """Which cases to show."""

    ALL = "all"
    FAILED = "failed"  # could not be asked
    WRONG = "wrong"  # answered what the documents do not say, or abstained from what they do
    ABSTAINED = "abstained"
    MISSING = "missing"  # some score could not be taken


_BELONGS: Mapping[Show, Callable[[CaseResult], bool]] = {
    Show.ALL: lambda _: True,
    Show.FAILED: lambda one: bool(one.evidence["failure"]),
    Show.WRONG: lambda one: answers_rightly(one.evidence) is False,
    Show.ABSTAINED: lambda one: one.evidence["status"] == "abstained",
    Show.MISSING: lambda one: bool(one.missing),
}


def chosen(results: Iterable[CaseResult], show: Show) -> list[CaseResult]:
    """Return the results that belong to `show`, the worst first."""
    return sorted((one for one in results if _BELONGS[show](one)), key=_goodness)


def counts_of(results: Iterable[CaseResult]) -> dict[Show, int]:
    """Return how many results belong to each."""
    every = list(results)
    return {show: sum(map(belongs, every)) for show, belongs in _BELONGS.items()}


def _goodness(one: CaseResult) -> tuple[bool, bool, bool, float, str]:
    return (
        not one.evidence["failure"],
        answers_rightly(one.evidence) is not False,
        cites_gold(one.evidence) is not False,
        _mean_score(one),
        one.case_id,
    )


def _mean_score(one: CaseResult) -> float:
    quality = [
        1 - score if lower_is_better(name) else score
        for name, score in one.scores.items()
        if score is not None and not is_spent(name)
    ]
    return fmean(quality) if quality else 1.0  # nothing is known to be wrong with it
