"""reStructuredText through docutils; nothing it refers to is opened."""

from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Final

from docutils import nodes  # type: ignore[import-untyped]
from docutils.core import publish_doctree  # type: ignore[import-untyped]
from docutils.parsers.rst import Parser  # type: ignore[import-untyped]

from ingestion.parsing.canonical import LINE_BREAK, LOWEST_LEVEL, CanonicalBuilder
from ingestion.parsing.decoding import decode
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.markup.rst_effort import LaboriousError, metered_inliner, refuse_many_lines
from ingestion.parsing.markup.rst_extensions import allow_extensions, forget_default_role
from ingestion.parsing.records.tables import add_table
from ingestion.parsing.text import add_paragraphs, read_limited
from rag_service.domain.documents import BlockKind, ParsedDocument

_SETTINGS: Final[dict[str, Any]] = {
    "_disable_config": True,
    "doctitle_xform": False,
    "docinfo_xform": False,
    "file_insertion_enabled": False,
    "halt_level": 5,
    "input_encoding": "unicode",
    "line_length_limit": 10**9,
    "raw_enabled": False,
    "report_level": 5,
    "smart_quotes": False,
    "syntax_highlight": "none",
    "warning_stream": False,
}
_AS_TEXT: Final = "its marks are too many or nested too deeply: it was read as plain text"
_ERROR: Final = 3  # the level of the library's messages over what it could not read
_ALPHABETS: Final = {"loweralpha": "a", "upperalpha": "A"}
_LETTERS: Final = 26
_SKIPPED: Final = (
    nodes.comment, nodes.raw, nodes.pending, nodes.target, nodes.substitution_definition, nodes.decoration,
    nodes.transition, nodes.label, nodes.meta,
)  # fmt: skip


def parse_rst(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return the readable text of a reStructuredText file; included files are left out with a warning."""
    text, warnings = decode(read_limited(file, limits))
    text = text.removeprefix("\ufeff")
    try:
        builder = _read(text, limits)
    except (LaboriousError, RecursionError):
        builder = CanonicalBuilder(max_chars=limits.max_text_chars)
        builder.warn(_AS_TEXT)
        add_paragraphs(builder, text)
    builder.warn(*warnings)
    return builder.build()


def _read(text: str, limits: ParsingLimits) -> CanonicalBuilder:
    refuse_many_lines(text)
    allow_extensions(text)
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    try:
        document = publish_doctree(text, parser=Parser(inliner=metered_inliner()), settings_overrides=_SETTINGS)
    finally:
        forget_default_role()
    _Walk(builder).over(document.children, level=0)
    return builder


class _Walk:
    """Goes through the tree in reading order."""

    def __init__(self, builder: CanonicalBuilder) -> None:
        self._builder = builder
        self._say: dict[type[nodes.Node], Callable[[Any, int], None]] = {
            nodes.section: lambda node, level: self.over(node.children, level=level + 1),
            nodes.title: self._title,
            nodes.literal_block: self._code,
            nodes.doctest_block: self._code,
            nodes.math_block: self._code,
            nodes.bullet_list: self._list,
            nodes.enumerated_list: self._list,
            nodes.definition_list_item: self._definition,
            nodes.field: self._field,
            nodes.option_list_item: self._option,
            nodes.footnote: self._note,
            nodes.citation: self._note,
            nodes.line_block: self._lines,
            nodes.table: self._table,
            nodes.topic: self._topic,
            nodes.system_message: self._message,
        }

    def over(self, siblings: Iterable[nodes.Node], *, level: int) -> None:
        for node in siblings:
            say = self._say.get(type(node))
            if isinstance(node, _SKIPPED):
                continue
            if say is not None:
                say(node, level)
            elif isinstance(node, nodes.Admonition):
                self._admonition(node, level)
            elif isinstance(node, nodes.TextElement | nodes.image):
                self._builder.add(_inline(node))
            elif isinstance(node, nodes.Element):
                self.over(node.children, level=level)

    def _title(self, node: nodes.title, level: int) -> None:
        if isinstance(node.parent, nodes.section):
            self._builder.add(_inline(node), BlockKind.HEADING, level=min(max(level, 1), LOWEST_LEVEL))
        else:
            self._builder.add(_inline(node))

    def _code(self, node: nodes.Element, _level: int) -> None:
        self._builder.add(node.astext(), BlockKind.CODE)

    def _list(self, node: nodes.Element, level: int) -> None:
        for number, item in enumerate(node.children):
            if isinstance(item, nodes.Element):
                self._item(item, _marker(node, number), level)

    def _item(self, item: nodes.Element, marker: str, level: int) -> None:
        first, rest = item.children[:1], item.children[1:]
        if first and isinstance(first[0], nodes.paragraph):
            self._builder.add(f"{marker} {_inline(first[0])}", BlockKind.LIST_ITEM, joiner=LINE_BREAK)
        else:
            rest = item.children
        self.over(rest, level=level)

    def _definition(self, node: nodes.definition_list_item, level: int) -> None:
        term = " : ".join(_inline(part) for part in node.children if not isinstance(part, nodes.definition))
        self._builder.add(term, BlockKind.LIST_ITEM)
        for part in node.children:
            if isinstance(part, nodes.definition):
                self.over(part.children, level=level)

    def _field(self, node: nodes.field, _level: int) -> None:
        name, body = node.children[0], node.children[1:]
        self._builder.add(f"{_inline(name)}: {' '.join(_inline(part) for part in body)}")

    def _option(self, node: nodes.option_list_item, _level: int) -> None:
        options = ", ".join(option.astext() for option in node.children[0].children)
        self._builder.add(f"{options}  {_inline(node.children[-1])}", BlockKind.LIST_ITEM, joiner=LINE_BREAK)

    def _note(self, node: nodes.Element, level: int) -> None:
        label = next((child.astext() for child in node.children if isinstance(child, nodes.label)), "")
        self._labelled(f"[{label}]", node, level)

    def _admonition(self, node: nodes.Element, level: int) -> None:
        if isinstance(node, nodes.admonition):  # the general one has a title of its own
            self.over(node.children, level=level)
        else:
            self._labelled(f"{type(node).__name__.capitalize()}:", node, level)

    def _labelled(self, label: str, node: nodes.Element, level: int) -> None:
        children = [child for child in node.children if not isinstance(child, nodes.label)]
        if children and isinstance(children[0], nodes.paragraph):
            self._builder.add(f"{label} {_inline(children.pop(0))}")
        else:
            self._builder.add(label)
        self.over(children, level=level)

    def _lines(self, node: nodes.line_block, _level: int) -> None:
        self._builder.add("\n".join(_inline(line) for line in node.findall(nodes.line)))

    def _table(self, node: nodes.table, _level: int) -> None:
        for title in node.findall(nodes.title):
            self._builder.add(_inline(title))
        rows = ([_inline(entry) for entry in row.children] for row in node.findall(nodes.row))
        add_table(self._builder, rows)

    def _topic(self, node: nodes.topic, level: int) -> None:
        if "contents" not in node["classes"]:  # these repeat the headings
            self.over(node.children, level=level)

    def _message(self, node: nodes.system_message, _level: int) -> None:
        """Keep the text of what could not be read; what must not be read has a lower level."""
        refused = [part for part in node.children if isinstance(part, nodes.literal_block)]
        if node["level"] >= _ERROR:
            for part in refused:
                self._builder.add(part.astext(), BlockKind.CODE)
        elif refused:
            self._builder.warn("files that it includes were not read")


def _inline(node: nodes.Node) -> str:
    """Return the text of a node in one line of reading; references to footnotes keep their brackets."""
    match node:
        case nodes.Text():
            return str(node).replace("\n", " ")
        case nodes.image():
            return str(node.get("alt", ""))
        case nodes.footnote_reference() | nodes.citation_reference():
            return f"[{node.astext()}]"
        case nodes.raw() | nodes.system_message() | nodes.comment():
            return ""
        case _:
            parts = [_inline(child) for child in node.children]
            is_line = isinstance(node, nodes.Inline | nodes.TextElement)
            return "".join(parts) if is_line else " ".join(filter(None, parts))


def _marker(node: nodes.Element, number: int) -> str:
    if isinstance(node, nodes.bullet_list):
        return "-"
    place = int(node.get("start", 1)) + number
    first = _ALPHABETS.get(node.get("enumtype", ""))
    label = chr(ord(first) + place - 1) if first and place <= _LETTERS else str(place)
    return f"{node.get('prefix', '')}{label}{node.get('suffix', '.')}"
