"""XML as plain HTML: whole paragraphs, headings by depth, flat lists and tables; of data, a paragraph per record.

unstructured's own reading of XML takes each piece of text for a paragraph and drops what follows an inline tag.
"""

import html
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from ingestion.parsing.general.xml_tables import holds_rows, table_of
from ingestion.parsing.general.xml_text import CODE, LISTS, TABLES, own_text, says_something, whole_text
from ingestion.parsing.office.xml_parts import local

_LOWEST: Final = 6
_PARAGRAPHS: Final = frozenset("p para simpara formalpara".split())
_SECTIONS: Final = frozenset("sec section sect1 sect2 sect3 sect4 sect5 simplesect chapter topic body".split())
_PROSE: Final = _PARAGRAPHS | _SECTIONS | CODE | frozenset("itemizedlist orderedlist tgroup tr".split())
_TITLES: Final = frozenset("title head heading bridgehead".split())
_TITLE_GROUPS: Final = frozenset("title-group info articleinfo bookinfo chapterinfo sectioninfo".split())
_TITLED_ASIDES: Final = frozenset(  # what names these is not a section's heading
    "caption figure fig example table informaltable list listitem itemizedlist orderedlist variablelist ref".split()
)
_ITEMS: Final = frozenset("list-item listitem li item member varlistentry def-item".split())
_BLOCKS: Final = _PROSE | _TITLES | _TITLE_GROUPS | LISTS | TABLES
_MOST_OF_A_LINE: Final = 200  # descendants of what is read as one line, such as an entry of a bibliography
_FIELD_CHARS: Final = 200  # a longer value is a paragraph of its own


def pages(root: Any) -> Iterator[str]:
    """Yield the blocks below `root` in reading order, each as a piece of HTML."""
    if _is_prose(root):
        yield from _Prose().read(root, level=0)
    else:
        yield from _records(root)


def _is_prose(root: Any) -> bool:
    return any(
        local(element) in _PROSE or (says_something(element) and not _is_leaf(element)) for element in root.iter("*")
    )


class _Prose:
    """Goes through a document in reading order."""

    def __init__(self) -> None:
        self._below_title = 0  # 1 behind the title of the whole

    def read(self, element: Any, level: int) -> Iterator[str]:
        """Yield the blocks of an element whose headings are `level` levels below the document's."""
        name = local(element)
        if name in TABLES and holds_rows(element):
            yield from self._parts_of(element, level)
            yield table_of(element)
        elif name in CODE:
            yield _block("pre", "".join(element.itertext()))
        elif name in LISTS:
            yield from self._list(element, level)
        elif _is_heading(element, name):
            yield from self._heading(element, name, level)
        elif _is_number(element, name):
            return  # said with the heading behind it
        elif says_something(element) or name in _PARAGRAPHS or _is_line(element):
            yield from self._flow("p", element, level)
        elif name:
            below = level + (name not in _TITLE_GROUPS and _has_heading(element))  # their titles are of what is around
            for child in element:
                yield from self.read(child, below)

    def _heading(self, element: Any, name: str, level: int) -> Iterator[str]:
        of_the_whole = name == "article-title"
        depth = 1 if of_the_whole else max(level + self._below_title, 1)
        yield from self._flow(f"h{min(depth, _LOWEST)}", element, level, label=_label_of(element))
        self._below_title = self._below_title or of_the_whole

    def _parts_of(self, table: Any, level: int) -> Iterator[str]:
        """Yield what a table says of itself beside its rows."""
        for child in table:
            if local(child) in ("title", "caption", "label"):
                yield from self._flow("p", child, level)

    def _list(self, element: Any, level: int) -> Iterator[str]:
        for child in element:
            if local(child) in _ITEMS:
                yield from self._flow("li", child, level)
            else:
                yield from self.read(child, level)

    def _flow(self, tag: str, element: Any, level: int, *, label: str = "") -> Iterator[str]:
        """Yield all the text of an element as one block; lists, tables and code inside it come behind it."""
        asides: list[Any] = []
        text = whole_text(element, asides)
        if text:
            yield _block(tag, f"{label} {text}".lstrip())
        for aside in asides:
            yield from self.read(aside, level)


def _is_heading(element: Any, name: str) -> bool:
    around = element.getparent()
    if name == "article-title":
        return around is not None and local(around) == "title-group"
    return name in _TITLES and not any(local(one) in _TITLED_ASIDES for one in element.iterancestors())


def _is_number(element: Any, name: str) -> bool:
    following = element.getnext()
    return name == "label" and following is not None and _is_heading(following, local(following))


def _label_of(heading: Any) -> str:
    before = heading.getprevious()
    return whole_text(before, []) if before is not None and local(before) == "label" else ""


def _has_heading(element: Any) -> bool:
    named = [*element, *(child for group in element if local(group) in _TITLE_GROUPS for child in group)]
    return any(local(child) in _TITLES for child in named)


def _is_line(element: Any) -> bool:
    """Say whether this is a leaf, or a few words in many tags."""
    inside = list(islice(element.iter("*"), _MOST_OF_A_LINE))
    return len(inside) < _MOST_OF_A_LINE and not any(local(one) in _BLOCKS for one in inside)


def _records(element: Any) -> Iterator[str]:
    """Yield the fields of an element, its attributes among them, then the records inside it."""
    leaves = [child for child in element.iterchildren("*") if _is_leaf(child) and not child.attrib]
    named = len({local(leaf) for leaf in leaves}) > 1 or bool(element.attrib)
    fields = [(key, value) for key, value in element.attrib.items() if not key.startswith("{")]
    fields += [("", own_text(element))] if _is_leaf(element) else []
    fields += [(local(leaf) if named else "", own_text(leaf)) for leaf in leaves]
    said = [(label, value) for label, value in fields if value]
    short = [f"{label}: {value}" if label else value for label, value in said if len(value) <= _FIELD_CHARS]
    if short:
        yield _block("p", "; ".join(short))
    for _, value in said:
        if len(value) > _FIELD_CHARS:
            yield _block("p", value)
    for child in element.iterchildren("*"):
        if child.attrib or not _is_leaf(child):
            yield from _records(child)


def _is_leaf(element: Any) -> bool:
    return next(element.iterchildren("*"), None) is None


def _block(tag: str, text: str) -> str:
    return f"<{tag}>{html.escape(text)}</{tag}>"
