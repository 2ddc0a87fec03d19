"""Scores of live answers, day by day, as charts. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby

from rag_service.domain.changed_questions import lower_is_better
from rag_service.domain.live import WATCHED, Drift, LiveDay
from rag_service.domain.live_words import told
from rag_service.web.charts import Chart, Dot, Mark, Placed, Scale, radius_of, with_room, written

_DAY = timedelta(days=1)

Drifted = Mapping[tuple[date, str], Drift]
"""What drifted, by the last day (UTC) of the window and the measure."""


def drifted_of(drifts: Sequence[Drift]) -> Drifted:
    """Return those that drifted."""
    return {((one.window_end - _DAY).date(), one.measure): one for one in drifts if one.has_drifted}


def measures_of(days: Sequence[LiveDay]) -> list[str]:
    """Return the measures that were taken, in the order of WATCHED."""
    return [name for name in WATCHED if any(name in day.means for day in days)]


def live_charts(days: Sequence[LiveDay], newest: Sequence[Drift], drifted: Drifted) -> list[Chart]:
    """Return the picture of each measure that was taken; `days` come oldest first.

    The band reaches from the lowest to the highest of the `days` before the `newest` window; a measure that could not be
    compared has none.
    """
    compared = {one.measure: one for one in newest if one.reference is not None}
    return [_chart(name, days, compared.get(name), drifted) for name in measures_of(days)]


def _chart(name: str, days: Sequence[LiveDay], compared: Drift | None, drifted: Drifted) -> Chart:
    first, last = days[0].day, days[-1].day
    count = (last - first).days + 1
    values = [((day.day - first).days, day.means[name].value) for day in days if name in day.means]
    before = _before(name, days, compared)
    scale = Scale(name, [value for _, value in values], count)
    return Chart(
        name=name,
        newest=written(name, values[-1][1]),
        note=f"{written(name, compared.reference)} before" if compared else "",
        is_better_low=lower_is_better(name),
        lines=tuple(scale.line(run) for run in _unbroken(values) if len(run) > 1),
        bands=(_across(scale, min(before), max(before), count),) if before else (),
        dots=tuple(_dots(name, days, scale, drifted)),
        marks=tuple(with_room(_marks(name, first, count, scale, drifted))),
        ticks=scale.ticks,
        first=_written_day(first),
        last=_written_day(last) if count > 1 else "",
        radius=radius_of(count),
    )


def _before(name: str, days: Sequence[LiveDay], compared: Drift | None) -> list[float]:
    if compared is None:
        return []
    until = compared.window_start.date()
    return [day.means[name].value for day in days if day.day < until and name in day.means]


def _across(scale: Scale, low: float, high: float, count: int) -> str:
    ends = (0, count - 1)
    return scale.band([(place, high) for place in ends], [(place, low) for place in ends])


def _unbroken(values: Sequence[Placed]) -> list[list[Placed]]:
    """Cut where a day is missing."""
    runs = groupby(enumerate(values), key=lambda one: one[1][0] - one[0])
    return [[value for _, value in run] for _, run in runs]


def _dots(name: str, days: Sequence[LiveDay], scale: Scale, drifted: Drifted) -> Iterator[Dot]:
    for day in days:
        if name in day.means:
            mean = day.means[name]
            yield Dot(
                x=scale.x((day.day - days[0].day).days),
                y=scale.y(mean.value),
                title=f"{day.day}: {written(name, mean.value)}, of {mean.measured} answers",
                is_marked=(day.day, name) in drifted,
            )


def _marks(name: str, first: date, count: int, scale: Scale, drifted: Drifted) -> Iterator[Mark]:
    for place in range(count):
        if found := drifted.get((first + place * _DAY, name)):
            yield Mark(x=scale.x(place), label="drift", title=told(found))


def _written_day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
