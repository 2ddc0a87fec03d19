"""The bullets and numbers of a Word file's lists, which its text does not hold: they are counted."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from ingestion.parsing.office.docx_numbers import written
from ingestion.parsing.office.docx_styles import ListPlace
from ingestion.parsing.office.ooxml import child_value, is_on, number_of, own

_PLACE: Final = re.compile(r"%([1-9])")
_MAX_PATTERN_CHARS: Final = 50
_LEVELS: Final = range(9)  # Word has no more, and each item looks through them
BULLET: Final = "- "


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    start: int
    form: str
    pattern: str
    restart: int | None
    is_legal: bool
    style: str


@dataclass(slots=True)
class _Series:
    """One list definition: its levels, and how far each has counted. Lists made from it count on one another's."""

    levels: dict[int, _Level] = field(default_factory=dict)
    style_link: str = ""
    counts: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    series: _Series
    own_levels: dict[int, _Level]
    starts: dict[int, int]


class Lists:
    """Gives the items of all lists their marks, one after another."""

    def __init__(self, root: Any) -> None:
        """`root` is that of the part with the lists, None when there is none."""
        series = {own(one, "abstractNumId"): _series(one) for one in _all(root, "abstractNum")}
        self._lists = {own(one, "numId"): made for one in _all(root, "num") if (made := _list(one, series))}
        by_style = {one.style_link: one.levels for one in reversed(series.values()) if one.style_link}
        for one in _all(root, "abstractNum"):
            linked = series[own(one, "abstractNumId")]
            # A style of lists holds the levels.
            linked.levels = linked.levels or by_style.get(child_value(one, "numStyleLink"), {})
        self._begun: set[tuple[str, int]] = set()

    def mark(self, place: ListPlace) -> str:
        """Return "- ", "2.1. " or the like for the next item of a place; nothing when its list shows no mark."""
        found = self._lists.get(place.list_id)
        if found is None:
            return ""
        levels = found.series.levels | found.own_levels
        depth = _depth(place, levels)
        level = levels.get(depth)
        if level is None:
            return ""
        self._count(place.list_id, found, levels, depth)
        if level.form == "bullet":
            return BULLET
        pattern = "" if level.form == "none" else level.pattern
        text = _PLACE.sub(lambda place: _number(found, levels, level, place), pattern).strip()
        return f"{text} " if text else ""

    def _count(self, list_id: str, found: _List, levels: dict[int, _Level], depth: int) -> None:
        counts = found.series.counts
        starts_anew = depth in found.starts and (list_id, depth) not in self._begun
        self._begun.add((list_id, depth))
        if starts_anew:
            counts[depth] = found.starts[depth]
        else:
            counts[depth] = counts[depth] + 1 if depth in counts else levels[depth].start
        for deeper in [one for one in counts if one > depth]:
            restart = levels[deeper].restart if deeper in levels else None
            if restart is None or depth < restart:
                del counts[deeper]


def _number(found: _List, levels: dict[int, _Level], level: _Level, place: re.Match[str]) -> str:
    depth = int(place[1]) - 1
    if depth not in levels:
        return ""
    # Text of a level above that no item has begun yet: Word counts it as begun.
    count = found.series.counts.setdefault(depth, found.starts.get(depth, levels[depth].start))
    return written(max(0, count), "decimal" if level.is_legal else levels[depth].form)


def _depth(place: ListPlace, levels: dict[int, _Level]) -> int:
    if place.depth is not None:
        return place.depth
    return next((depth for depth, level in levels.items() if place.style and level.style == place.style), 0)


def _all(root: Any, name: str) -> list[Any]:
    return list(root.iterfind(f"{{*}}{name}")) if root is not None else []


def _series(element: Any) -> _Series:
    return _Series(levels=_levels(element), style_link=child_value(element, "styleLink"))


def _levels(element: Any) -> dict[int, _Level]:
    found = ((number_of(own(level, "ilvl")), level) for level in element.iterfind("{*}lvl"))
    return {depth: _level(level) for depth, level in found if depth in _LEVELS}


def _level(element: Any) -> _Level:
    restart = child_value(element, "lvlRestart")
    return _Level(
        start=number_of(child_value(element, "start"), 0),
        form=next((own(form, "val") for form in element.iter("{*}numFmt")), "decimal"),
        pattern=child_value(element, "lvlText")[:_MAX_PATTERN_CHARS],
        restart=number_of(restart) if restart else None,
        is_legal=is_on(element.find("{*}isLgl")),
        style=child_value(element, "pStyle"),
    )


def _list(element: Any, series: dict[str, _Series]) -> _List | None:
    made_from = series.get(child_value(element, "abstractNumId"))
    if made_from is None:
        return None
    levels: dict[int, _Level] = {}
    starts: dict[int, int] = {}
    for override in element.iterfind("{*}lvlOverride"):
        depth, start = number_of(own(override, "ilvl")), child_value(override, "startOverride")
        level = override.find("{*}lvl")
        if level is not None and depth in _LEVELS:
            levels[depth] = _level(level)
        if start:
            starts[depth] = number_of(start)
    return _List(series=made_from, own_levels=levels, starts=starts)
