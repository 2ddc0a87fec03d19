"""A chart as SVG: lines over a logarithmic axis of sizes."""

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 150, 40, 50
_COLOURS = ("#1f4e79", "#c55a11", "#548235", "#7f7f7f", "#7030a0")
_TICKS = 5
_LABEL = 14

Series = Mapping[str, Sequence[tuple[float, float]]]


def curve_svg(title: str, series: Series, *, x_label: str, y_label: str) -> str:
    """Return the chart of lines by name; each is a list of (x, y), x above 0."""
    xs = sorted({x for points in series.values() for x, _ in points})
    y_step = _round_up(max(y for points in series.values() for _, y in points) / _TICKS)

    def place(x: float, y: float) -> tuple[float, float]:
        across = math.log(x / xs[0]) / math.log(xs[-1] / xs[0])
        up = y / (y_step * _TICKS)
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)

    ticks = [tick * y_step for tick in range(_TICKS + 1)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_LEFT, _TOP - 16, title, size=14),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, x_label, anchor="middle"),
        _text(8, _TOP - 16, y_label),
        *(_line([place(xs[0], tick), place(xs[-1], tick)], "#dddddd", 1) for tick in ticks),
        *(_text(_LEFT - 6, place(xs[0], tick)[1] + 4, f"{tick:g}", anchor="end") for tick in ticks),
        *(_text(place(x, 0)[0], _HEIGHT - _BOTTOM + 18, f"{x:,.0f}", anchor="middle") for x in xs),
    ]
    lines = {name: [place(*point) for point in points] for name, points in series.items()}
    labels = _apart({name: places[-1][1] for name, places in lines.items()})
    for colour, (name, places) in zip(cycle(_COLOURS), lines.items(), strict=False):
        parts += [_line(places, colour, 2), *(_dot(*at, colour) for at in places)]
        parts.append(_text(_WIDTH - _RIGHT + 8, labels[name] + 4, name, colour=colour))
    return "\n".join([*parts, "</svg>\n"])


def _apart(heights: Mapping[str, float]) -> dict[str, float]:
    """Move labels up until none covers another."""
    moved: dict[str, float] = {}
    free = float(_HEIGHT)
    for name, height in sorted(heights.items(), key=lambda item: -item[1]):
        moved[name] = min(height, free)
        free = moved[name] - _LABEL
    return moved


def _round_up(step: float) -> float:
    """Return the next of 1, 2, 5, 10 … times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(step))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= step)


def _line(places: Sequence[tuple[float, float]], colour: str, width: int) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, colour: str = "#333333") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f'<text {where} fill="{colour}">{escape(text)}</text>'
