"""Lines over time: coordinates for an inline SVG. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag_service.domain.changed_questions import is_spent

WIDTH, HEIGHT = 360.0, 142.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 38.0, 8.0, 18.0, 22.0
_LEAST_SPAN = 0.1  # of a share: a wobble of one question in a thousand should not fill the picture
_LABEL_GAP = 44.0
_CROWDED = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point in the picture; `href` is empty where it leads nowhere."""

    x: float
    y: float
    title: str
    href: str = ""
    is_marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where something happened. The label is empty where there is no room for it."""

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
    """One figure over time. `lines` and `bands` are paths, cut where there is no value; `note` stands beside the newest.

    They lie between `left`, `right`, `top` and `bottom`; what is written stands outside.
    """

    name: str
    newest: str
    note: str
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


def written(name: str, value: float | None) -> str:
    """Return a figure as people read it: shares with two digits, times and counts whole from ten on. A missing one is a dash."""
    if value is None:
        return "–"
    if not is_spent(name):
        return f"{value:.2f}"
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2g}"  # noqa: PLR2004


def radius_of(count: int) -> float:
    """Return how large the dots of so many places are."""
    return 3.0 if count <= _CROWDED else 1.6


def with_room(marks: Iterable[Mark]) -> Iterator[Mark]:
    """Yield marks from left to right, without the labels that would lie on another."""
    last = -_LABEL_GAP
    for mark in marks:
        has_room = mark.x - last >= _LABEL_GAP
        last = mark.x if has_room else last
        yield mark if has_room else Mark(x=mark.x, label="", title=mark.title)


Placed = tuple[int, float]
"""A value at its place, counted from 0."""


class Scale:
    """Where `count` places and values lie in the picture; all `ends` have room."""

    def __init__(self, name: str, ends: Sequence[float], count: int) -> None:
        ends = ends or [0.0, 1.0]
        low, high = min(ends), max(ends)
        is_share = not is_spent(name) and low >= 0 and high <= 1
        least = _LEAST_SPAN if is_share else max(abs(high) * _LEAST_SPAN, 1e-9)
        spare = max(0.0, least - (high - low)) / 2
        low, high = low - spare, high + spare
        if is_share:
            low, high = (max(0.0, low - max(0.0, high - 1)), min(1.0, high + max(0.0, -low)))
        self._low, self._span, self._steps = low, high - low, max(count - 1, 1)
        self._only = count == 1
        self._name = name

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """The least, the middle and the largest value."""
        values = (self._low, self._low + self._span / 2, self._low + self._span)
        return tuple(Tick(y=self.y(value), label=written(self._name, value)) for value in values)

    def x(self, place: int) -> float:
        """Return how far to the right a place lies."""
        share = 0.5 if self._only else place / self._steps
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        """Return how far down a value lies."""
        return round(_TOP + (1 - (value - self._low) / self._span) * (HEIGHT - _TOP - _BOTTOM), 1)

    def line(self, values: Iterable[Placed]) -> str:
        """Return the path through these values."""
        return "M" + "L".join(f"{self.x(place)} {self.y(value)}" for place, value in values)

    def band(self, highs: Sequence[Placed], lows: Sequence[Placed]) -> str:
        """Return the path round what lies between."""
        return f"{self.line([*highs, *reversed(lows)])}Z"
