"""/v1/corpora/{corpus}/live: how a sample of the answers that people get was scored, and what of them has drifted."""

from fastapi import APIRouter
from pydantic import BaseModel

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.texts import Ref
from rag_service.domain.live import Drift, LiveDay
from rag_service.domain.live_words import told

router = APIRouter(tags=["evaluations"])


class LiveMeanOut(BaseModel):
    """The mean of a score, and of how many answers it could be taken."""

    value: float
    measured: int


class LiveDayOut(BaseModel):
    """The answers of one day (UTC, YYYY-MM-DD) that were scored."""

    day: str
    scored: int
    means: dict[str, LiveMeanOut]


class DriftOut(BaseModel):
    """One measure of a window beside the days before it; moments in seconds since 1970, the end not in the window.

    The figures are null when there were too few answers to compare.
    """

    measure: str
    window_start: int
    window_end: int
    reference: float | None
    current: float | None
    reference_count: int
    current_count: int
    psi: float | None
    p_value: float | None
    has_drifted: bool
    told: str


class LiveOut(BaseModel):
    """The days that were scored, oldest first; the newest window by measure; what drifted in earlier ones, newest first."""

    days: list[LiveDayOut]
    newest: list[DriftOut]
    earlier: list[DriftOut]


@router.get("/v1/corpora/{corpus}/live")
async def read_live_answers(parts: Parts, scope: Scope, corpus: Ref) -> LiveOut:
    """Return how the answers that people get compare with the days before."""
    state = await parts.live_answers(scope, corpus=corpus)
    return LiveOut(
        days=[_day_out(day) for day in state.days],
        newest=[_drift_out(one) for one in state.newest],
        earlier=[_drift_out(one) for one in state.earlier],
    )


def _day_out(day: LiveDay) -> LiveDayOut:
    means = {name: LiveMeanOut(value=mean.value, measured=mean.measured) for name, mean in day.means.items()}
    return LiveDayOut(day=day.day.isoformat(), scored=day.scored, means=means)


def _drift_out(drift: Drift) -> DriftOut:
    return DriftOut(
        measure=drift.measure,
        window_start=int(drift.window_start.timestamp()),
        window_end=int(drift.window_end.timestamp()),
        reference=drift.reference,
        current=drift.current,
        reference_count=drift.reference_count,
        current_count=drift.current_count,
        psi=drift.psi,
        p_value=drift.p_value,
        has_drifted=drift.has_drifted,
        told=told(drift),
    )
