"""The runs of a suite one after another, and what changed between them. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rag_service.domain.evaluations import EvalRun, EvalRunState, RunPurpose


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChange:
    """Something that decides the figures and was not the same; None where it was not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """A finished run over what people could ask, and how it was made otherwise than the one before."""

    run: EvalRun
    changes: tuple[SettingChange, ...]


def belongs_to_trend(run: EvalRun) -> bool:
    """Say whether a run is over and measured what people ask; drafts and gates measure what may never be published."""
    return run.state is EvalRunState.FINISHED and run.draft_id is None and run.purpose is not RunPurpose.GATE


def trend_of(runs: Iterable[EvalRun]) -> tuple[TrendPoint, ...]:
    """Return those of `runs`, oldest first, that belong to the trend."""
    points: list[TrendPoint] = []
    for run in filter(belongs_to_trend, runs):
        points.append(TrendPoint(run=run, changes=changes_between(points[-1].run, run) if points else ()))
    return tuple(points)


def changes_between(before: EvalRun, after: EvalRun) -> tuple[SettingChange, ...]:
    """Return what of a run was not made like another: version and questions too."""
    old, new = _made_with(before), _made_with(after)
    return tuple(
        SettingChange(name=name, before=old.get(name), after=new.get(name))
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    )


def _made_with(run: EvalRun) -> Mapping[str, str]:
    entries = {"version": run.number, "questions": run.suite_digest[:8], **run.made_with, "judge": run.judge}
    return {name: str(value) for name, value in entries.items() if value is not None}
