"""What a run found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rag_service.domain.evaluations import Figure

Evidence = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The figures of one corpus, what they rest on case by case, and what a reader must know.

    `made_with` names what decided them where that is not what the service is set to, as in a version of before.
    """

    name: str
    metrics: list[Figure] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    made_with: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run of one suite. `made_with` names everything that decides the figures."""

    suite: str
    started_at: datetime
    duration_s: float
    made_with: Mapping[str, str]
    sections: list[Section]

    @property
    def passed(self) -> bool:
        """Say whether no target was missed."""
        return all(metric.passed is not False for section in self.sections for metric in section.metrics)
