"""What the styles of a Word file say of its paragraphs: the levels of headings, lists, hidden text."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from ingestion.parsing.office.ooxml import child_value, is_on, number_of, own

# Word writes the names of its own styles in English, whatever language it runs in; their ids are translated.
_HEADING: Final = re.compile(r"heading ?([1-9])")
_LIST: Final = re.compile(r"list (?:bullet|number)(?: [2-5])?")
_DIRECTORY: Final = re.compile(r"(?:toc|index|contents) (?:\d|heading)|table of (?:figures|authorities)|toc heading")
_CODE: Final = frozenset({"html preformatted", "preformatted text", "source code", "macro text", "macro", "code"})
_TITLES: Final = {"title": 1, "subtitle": 2}
_BODY_LEVEL: Final = 9  # the outline level of text that is no heading, counted from 0
_MAX_PARENTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPlace:
    """The list that a paragraph belongs to, and how deep in it; no `depth`: the list knows it by the style."""

    list_id: str
    depth: int | None
    style: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParagraphStyle:
    """What a style and those it is based on say; `level` from 1."""

    level: int | None = None
    place: ListPlace | None = None
    is_listed: bool = False
    is_hidden: bool = False
    is_directory: bool = False
    is_code: bool = False


class Styles:
    """The styles of a document, by their ids."""

    def __init__(self, root: Any) -> None:
        """`root` is that of the part with the styles, None when there is none."""
        elements = list(root.iterfind("{*}style")) if root is not None else []
        self._elements = {own(style, "styleId"): style for style in elements}
        self._hidden = {name for name, style in self._elements.items() if _is_hidden(style)}
        self.of = cache(self._of)

    def hides(self, style_id: str) -> bool:
        """Say whether a style of characters hides them."""
        return style_id in self._hidden

    def _of(self, style_id: str) -> ParagraphStyle:
        """Return what holds for the paragraphs of a style."""
        chain = self._chain(style_id)
        # A style that is used but not described is known by its id.
        names = [child_value(style, "name").lower() for _, style in chain] or [style_id.lower()]
        return ParagraphStyle(
            level=_level(chain, names),
            place=next((place for name, style in chain if (place := _place(name, style))), None),
            is_listed=any(map(_LIST.fullmatch, names)),
            is_hidden=any(name in self._hidden for name, _ in chain),
            is_directory=any(map(_DIRECTORY.fullmatch, names)),
            is_code=any(name in _CODE for name in names),
        )

    def _chain(self, style_id: str) -> list[tuple[str, Any]]:
        chain: list[tuple[str, Any]] = []
        while style_id in self._elements and len(chain) < _MAX_PARENTS:
            chain.append((style_id, self._elements[style_id]))
            style_id = child_value(self._elements[style_id], "basedOn")
        return chain


def outline_level(properties: Any) -> int | None:
    """Return the level of headings that properties of a paragraph name, 0 for text; None when they name none."""
    value = child_value(properties, "outlineLvl")
    if not value.isdecimal():
        return None
    return 0 if int(value) >= _BODY_LEVEL else int(value) + 1


def list_place(properties: Any) -> ListPlace | None:
    """Return the list that properties of a paragraph name."""
    numbering = properties.find("{*}numPr") if properties is not None else None
    if numbering is None:
        return None
    depth = child_value(numbering, "ilvl")
    return ListPlace(list_id=child_value(numbering, "numId"), depth=number_of(depth) if depth else None)


def _level(chain: list[tuple[str, Any]], names: list[str]) -> int | None:
    for place, name in enumerate(names):
        named = outline_level(chain[place][1].find("{*}pPr")) if chain else None
        heading = _HEADING.fullmatch(name)
        level = named if named is not None else int(heading[1]) if heading else _TITLES.get(name)
        if level is not None:
            return level or None
    return None


def _place(style_id: str, style: Any) -> ListPlace | None:
    place = list_place(style.find("{*}pPr"))
    return ListPlace(list_id=place.list_id, depth=place.depth, style=style_id) if place is not None else None


def _is_hidden(style: Any) -> bool:
    return is_on(style.find("{*}rPr/{*}vanish"))
