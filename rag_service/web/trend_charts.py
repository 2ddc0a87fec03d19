"""Figures of runs as charts. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from urllib.parse import quote

from rag_service.domain.changed_questions import lower_is_better
from rag_service.domain.evaluations import Figure
from rag_service.domain.trends import TrendPoint
from rag_service.web.charts import Chart, Dot, Mark, Scale, radius_of, with_room, written

_TOLD_CHARS = 44
_TOLD_CHANGES = 5

Row = tuple[TrendPoint, Mapping[str, Figure]]
"""A point with its figures by name."""

_Placed = tuple[int, Figure]


def rows_of(points: Iterable[TrendPoint]) -> list[Row]:
    """Return points with their figures."""
    return [(point, {figure.name: figure for figure in point.run.figures}) for point in points]


def chart_of(name: str, rows: Sequence[Row]) -> Chart:
    """Return the picture of a figure, with its bounds as a band."""
    points = [point for point, _ in rows]
    placed = [(place, figures[name]) for place, (_, figures) in enumerate(rows) if name in figures]
    values = [figure.value for _, figure in placed if figure.value is not None]
    scale = Scale(name, _ends([figure for _, figure in placed if figure.value is not None]), len(points))
    runs = [list(run) for has_value, run in groupby(placed, key=lambda one: one[1].value is not None) if has_value]
    return Chart(
        name=name,
        newest=written(name, values[-1] if values else None),
        note=_step(name, values),
        is_better_low=lower_is_better(name),
        lines=tuple(scale.line(_values(run)) for run in runs if len(run) > 1),
        bands=tuple(_band(scale, run) for run in runs if len(run) > 1 and all(one.low is not None for _, one in run)),
        dots=tuple(_dots(name, placed, points, scale)),
        marks=tuple(with_room(_marks(points, scale))),
        ticks=scale.ticks if values else (),
        first=_day(points[0]),
        last=_day(points[-1]),
        radius=radius_of(len(points)),
    )


def told(point: TrendPoint) -> str:
    """Return in words what was changed before a run, the first few things of many."""
    words = [
        f"{change.name} {change.before or 'none'} → {change.after or 'none'}"
        if len(change.before or "") + len(change.after or "") < _TOLD_CHARS
        else change.name
        for change in point.changes
    ]
    rest = len(words) - _TOLD_CHANGES
    return ", ".join([*words[:_TOLD_CHANGES], *([f"and {rest} more"] if rest > 0 else [])])


def _ends(figures: Iterable[Figure]) -> list[float]:
    return [end for one in figures for end in (one.value, one.low, one.high) if end is not None]


def _values(run: Iterable[_Placed]) -> list[tuple[int, float]]:
    return [(place, one.value) for place, one in run if one.value is not None]


def _band(scale: Scale, run: Sequence[_Placed]) -> str:
    highs = [(place, one.high) for place, one in run if one.high is not None]
    return scale.band(highs, [(place, one.low) for place, one in run if one.low is not None])


def _dots(name: str, placed: Iterable[_Placed], points: Sequence[TrendPoint], scale: Scale) -> Iterator[Dot]:
    for place, one in placed:
        if one.value is not None:
            run = points[place].run
            title = f"{run.created_at:%Y-%m-%d}, version {run.number}: {written(name, one.value)}"
            href = f"/evaluations/runs/{quote(run.id, safe='')}"
            yield Dot(x=scale.x(place), y=scale.y(one.value), title=title, href=href)


def _marks(points: Sequence[TrendPoint], scale: Scale) -> Iterator[Mark]:
    for place, point in enumerate(points):
        if point.changes:
            yield Mark(x=scale.x(place), label=_label(point), title=told(point))


def _day(point: TrendPoint) -> str:
    return f"{point.run.created_at.day} {point.run.created_at:%b %Y}"


def _label(point: TrendPoint) -> str:
    first = point.changes[0]
    return f"v{first.after}" if first.name == "version" else first.name


def _step(name: str, values: Sequence[float]) -> str:
    if len(values) < 2 or written(name, values[-1]) == written(name, values[-2]):  # noqa: PLR2004
        return ""
    difference = values[-1] - values[-2]
    return f"{'+' if difference > 0 else '−'}{written(name, abs(difference))}"
