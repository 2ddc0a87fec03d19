"""The text of XML elements, whatever inline tags it is cut into."""

import html
import re
from typing import Any, Final

from ingestion.parsing.markup.html_nodes import text_of_fragment
from ingestion.parsing.office.xml_parts import local
from ingestion.parsing.records.tables import one_line

LISTS: Final = frozenset("list itemizedlist orderedlist variablelist simplelist ul ol dl def-list".split())
TABLES: Final = frozenset("table informaltable".split())
CODE: Final = frozenset("pre preformat programlisting screen literallayout codeblock".split())

_BESIDE: Final = (
    LISTS | TABLES | CODE | frozenset("table-wrap fig figure informalfigure footnote fn boxed-text".split())
)
_NEVER_SAID: Final = frozenset("annotation annotation-xml script style".split())
_MARKUP: Final = re.compile(r"<(?:p|br|a|div|span|img|b|i|em|strong|ul|li|h[1-6]|table)\b[^<>]*>", re.IGNORECASE)


def says_something(element: Any) -> bool:
    """Say whether text stands in an element itself, not only in those inside it."""
    return _is_said(element.text) or any(_is_said(child.tail) for child in element)


def own_text(element: Any) -> str:
    """Return the text of an element without others inside; feeds hold HTML as text, of which the tags go."""
    text = whole_text(element, [])
    return one_line(text_of_fragment(text)) if _MARKUP.search(text) else text


def whole_text(element: Any, asides: list[Any]) -> str:
    """Return all text inside an element in one line; lists, tables and the like inside it go to `asides`."""
    pieces: list[str] = []
    _collect(element, pieces, asides)
    return one_line("".join(pieces))


def _collect(element: Any, pieces: list[str], asides: list[Any]) -> None:
    # Where tags alone part words, as in `<name><surname>`, nothing else does.
    between = "" if says_something(element) else " "
    pieces.append(element.text or "")
    for child in element:
        name = local(child)
        if name in _BESIDE:
            asides.append(child)
        elif name == "alternatives" and len(child):
            _collect(_said_best(child), pieces, asides)
        elif name and name not in _NEVER_SAID:
            apart = between or (" " if len(child) and not says_something(child) else "")
            pieces.append(apart)
            _collect(child, pieces, asides)
            pieces.append(apart)
        elif not name and _is_entity(child):
            pieces.append(html.unescape(child.text))
        pieces.append(child.tail or "")


def _said_best(alternatives: Any) -> Any:
    """Return which of several notations of the same is read: a picture says nothing, and LaTeX more than it means."""
    return min(alternatives, key=lambda one: (not "".join(one.itertext()).strip(), local(one) == "tex-math"))


def _is_entity(node: Any) -> bool:
    """Say whether this is a reference such as `&nbsp;`, which a document type elsewhere declares."""
    return str(node.text or "").startswith("&") and callable(node.tag) and node.tag.__name__ == "Entity"


def _is_said(text: str | None) -> bool:
    return bool(text and not text.isspace())
