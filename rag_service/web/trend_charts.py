"""Figures over time as lines: coordinates for an inline SVG. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from rag_service.domain.changed_questions import is_spent, lower_is_better
from rag_service.domain.evaluations import Figure
from rag_service.domain.trends import TrendPoint

WIDTH, HEIGHT = 360.0, 142.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 38.0, 8.0, 18.0, 22.0
_LEAST_SPAN = 0.1  # of a share: a wobble of one question in a thousand should not fill the picture
_LABEL_GAP = 44.0
_TOLD_CHARS = 44
_CROWDED = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A run in the picture."""

    x: float
    y: float
    run_id: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a run was made otherwise than the one before. The label is empty where there is no room for it."""

    x: float
    label: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A line across, with its value."""

    y: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One figure over time. `lines` and `bands` are paths, cut where a run has no value.

    They lie between `left`, `right`, `top` and `bottom`; what is written stands outside.
    """

    name: str
    newest: str
    step: str
    is_better_low: bool
    lines: tuple[str, ...]
    bands: tuple[str, ...]
    dots: tuple[Dot, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    first: str
    last: str
    radius: float
    view_box: str = f"0 0 {WIDTH:g} {HEIGHT:g}"
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM


Row = tuple[TrendPoint, Mapping[str, Figure]]
"""A point with its figures by name."""

_Placed = tuple[int, Figure]


def rows_of(points: Iterable[TrendPoint]) -> list[Row]:
    """Return points with their figures."""
    return [(point, {figure.name: figure for figure in point.run.figures}) for point in points]


def chart_of(name: str, rows: Sequence[Row]) -> Chart:
    """Return the picture of a figure."""
    points = [point for point, _ in rows]
    placed = [(place, figures[name]) for place, (_, figures) in enumerate(rows) if name in figures]
    values = [figure.value for _, figure in placed if figure.value is not None]
    scale = _Scale(name, [figure for _, figure in placed if figure.value is not None], len(points))
    runs = [list(run) for has_value, run in groupby(placed, key=lambda one: one[1].value is not None) if has_value]
    return Chart(
        name=name,
        newest=written(name, values[-1] if values else None),
        step=_step(name, values),
        is_better_low=lower_is_better(name),
        lines=tuple(scale.line(run) for run in runs if len(run) > 1),
        bands=tuple(scale.band(run) for run in runs if len(run) > 1 and all(one.low is not None for _, one in run)),
        dots=tuple(_dots(name, placed, points, scale)),
        marks=tuple(_marks(points, scale)),
        ticks=tuple(Tick(y=scale.y(value), label=written(name, value)) for value in scale.ticks if values),
        first=_day(points[0]),
        last=_day(points[-1]),
        radius=3.0 if len(points) <= _CROWDED else 1.6,
    )


def written(name: str, value: float | None) -> str:
    """Return a figure as people read it: shares with two digits, times and counts whole from ten on. A missing one is a dash."""
    if value is None:
        return "–"
    if not is_spent(name):
        return f"{value:.2f}"
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2g}"  # noqa: PLR2004


def told(point: TrendPoint) -> str:
    """Return in words what was changed before a run."""
    return ", ".join(
        f"{change.name} {change.before or 'none'} → {change.after or 'none'}"
        if len(change.before or "") + len(change.after or "") < _TOLD_CHARS
        else change.name
        for change in point.changes
    )


class _Scale:
    """Where runs and values lie in the picture."""

    def __init__(self, name: str, figures: Sequence[Figure], count: int) -> None:
        ends = [end for one in figures for end in (one.value, one.low, one.high) if end is not None] or [0.0, 1.0]
        low, high = min(ends), max(ends)
        is_share = not is_spent(name) and low >= 0 and high <= 1
        least = _LEAST_SPAN if is_share else max(abs(high) * _LEAST_SPAN, 1e-9)
        spare = max(0.0, least - (high - low)) / 2
        low, high = low - spare, high + spare
        if is_share:
            low, high = (max(0.0, low - max(0.0, high - 1)), min(1.0, high + max(0.0, -low)))
        self._low, self._span, self._steps = low, high - low, max(count - 1, 1)
        self._only = count == 1
        self.ticks = (low, low + self._span / 2, high)

    def x(self, place: int) -> float:
        share = 0.5 if self._only else place / self._steps
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        return round(_TOP + (1 - (value - self._low) / self._span) * (HEIGHT - _TOP - _BOTTOM), 1)

    def line(self, run: Iterable[_Placed]) -> str:
        return "M" + "L".join(f"{self.x(place)} {self.y(one.value)}" for place, one in run if one.value is not None)

    def band(self, run: Sequence[_Placed]) -> str:
        above = [f"{self.x(place)} {self.y(one.high)}" for place, one in run if one.high is not None]
        below = [f"{self.x(place)} {self.y(one.low)}" for place, one in reversed(run) if one.low is not None]
        return "M" + "L".join([*above, *below]) + "Z"


def _dots(name: str, placed: Iterable[_Placed], points: Sequence[TrendPoint], scale: _Scale) -> Iterator[Dot]:
    for place, one in placed:
        if one.value is not None:
            run = points[place].run
            title = f"{run.created_at:%Y-%m-%d}, version {run.number}: {written(name, one.value)}"
            yield Dot(x=scale.x(place), y=scale.y(one.value), run_id=run.id, title=title)


def _marks(points: Sequence[TrendPoint], scale: _Scale) -> Iterator[Mark]:
    last = 0.0
    for place, point in enumerate(points):
        if not point.changes:
            continue
        x = scale.x(place)
        label = _label(point) if x - last >= _LABEL_GAP else ""
        last = x if label else last
        yield Mark(x=x, label=label, title=told(point))


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
