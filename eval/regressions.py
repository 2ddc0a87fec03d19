"""What a golden question lost from one version to another, and what else may be why."""

from collections.abc import Iterable, Mapping
from typing import Any

from rag_service.domain.answers import AnswerStatus
from rag_service.domain.evaluations import EvalRun
from rag_service.domain.gates import RegressionKind

Evidence = Mapping[str, Any]


def regression_of(before: Evidence, after: Evidence) -> RegressionKind | None:
    """Return what a question lost from one version to the other, None when it lost nothing."""
    if not after["answerable"]:
        return RegressionKind.ANSWERS if _abstained(before) and not _abstained(after) else None
    if _abstained(after):
        return None if _abstained(before) else RegressionKind.ABSTAINS
    return RegressionKind.LOST_CITATION if before["gold_cited"] and not after["gold_cited"] else None


def made_otherwise(before: EvalRun, after: EvalRun, names: Iterable[str]) -> str:
    """Return in which of these things the second run was made another way than the first, in words."""
    was, now = before.made_with, after.made_with
    return "; ".join(
        f"{name} {now.get(name, 'none')} instead of {was.get(name, 'none')}"
        for name in names
        if was.get(name) != now.get(name)
    )


def _abstained(evidence: Evidence) -> bool:
    return bool(evidence["status"] == AnswerStatus.ABSTAINED)
