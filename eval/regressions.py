"""What a golden question lost from one version to another."""

from collections.abc import Mapping
from typing import Any

from rag_service.domain.answers import AnswerStatus
from rag_service.domain.gates import RegressionKind

Evidence = Mapping[str, Any]


def regression_of(before: Evidence, after: Evidence) -> RegressionKind | None:
    """Return what a question lost from one version to the other, None when it lost nothing."""
    if not after["answerable"]:
        return RegressionKind.ANSWERS if _abstained(before) and not _abstained(after) else None
    if _abstained(after):
        return None if _abstained(before) else RegressionKind.ABSTAINS
    return RegressionKind.LOST_CITATION if before["gold_cited"] and not after["gold_cited"] else None


def _abstained(evidence: Evidence) -> bool:
    return bool(evidence["status"] == AnswerStatus.ABSTAINED)
