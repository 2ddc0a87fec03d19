"""Markdown: readable text without its punctuation; lists, code and tables keep their shape."""

import re
from typing import BinaryIO

from markdown_it.token import Token

from ingestion.parsing.canonical import LINE_BREAK, PARAGRAPH_BREAK, CanonicalBuilder
from ingestion.parsing.decoding import decode
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.markup.html_nodes import text_of_fragment
from ingestion.parsing.markup.markdown_effort import markdown_parser
from ingestion.parsing.records.tables import add_table
from ingestion.parsing.text import read_limited
from rag_service.domain.documents import BlockKind, ParsedDocument

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"""^title:[ \t]*["']?(.*?)["']?[ \t]*$""", re.MULTILINE)
_HEADING_ATTRIBUTES = re.compile(r"[ \t]*\{:?[ \t]*[#.][^{}]*\}[ \t]*$")
_FENCE_OF_BLOCK = re.compile(r"^/{3,}[ \t]*(?:[\w-]+[ \t]*\|)?[ \t]*", re.MULTILINE)  # /// note | Title … ///
_PARSER = markdown_parser()


def parse_markdown(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return the readable text of a Markdown file."""
    text, warnings = decode(read_limited(file, limits))
    text, title = _without_front_matter(text.replace("\r\n", "\n"))
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    builder.warn(*warnings)
    _Walk(builder).over(_PARSER.parse(text))
    return builder.build(title=title)


def _without_front_matter(text: str) -> tuple[str, str | None]:
    found = _FRONT_MATTER.match(text.removeprefix("\ufeff"))
    if not found:
        return text, None
    title = _FRONT_TITLE.search(found.group(1))
    return text.removeprefix("\ufeff")[found.end() :], title.group(1) if title else None


class _Walk:
    """Goes through the tokens once, remembering the lists and the table it is in."""

    def __init__(self, builder: CanonicalBuilder) -> None:
        self._builder = builder
        self._markers: list[int | None] = []  # per open list: the next number, None for bullets
        self._item_begins = False
        self._rows: list[list[str]] | None = None
        self._heading_level: int | None = None

    def over(self, tokens: list[Token]) -> None:
        for token in tokens:
            self._step(token)

    def _step(self, token: Token) -> None:
        match token.type:
            case "heading_open":
                self._heading_level = int(token.tag[1:])
            case "bullet_list_open" | "ordered_list_open":
                start = token.attrGet("start")
                self._markers.append((int(start) if start is not None else 1) if token.tag == "ol" else None)
            case "bullet_list_close" | "ordered_list_close":
                self._markers.pop()
            case "list_item_open":
                self._item_begins = True
            case "table_open":
                self._rows = []
            case "tr_open" if self._rows is not None:
                self._rows.append([])
            case "table_close":
                self._end_table()
            case _:
                self._content(token)

    def _content(self, token: Token) -> None:
        match token.type:
            case "inline":
                self._text(_readable(token))
            case "fence" | "code_block":
                self._builder.add(token.content, BlockKind.CODE)
            case "html_block":
                self._builder.add(text_of_fragment(token.content))

    def _text(self, text: str) -> None:
        if self._rows is not None:
            self._rows[-1].append(text)
        elif self._heading_level is not None:
            self._builder.add(_HEADING_ATTRIBUTES.sub("", text), BlockKind.HEADING, level=self._heading_level)
            self._heading_level = None
        elif self._markers:
            self._item(text)
        else:
            self._builder.add(_FENCE_OF_BLOCK.sub("", text))

    def _item(self, text: str) -> None:
        marker = self._markers[-1]
        begins, self._item_begins = self._item_begins, False
        if not begins:
            self._builder.add(text, BlockKind.LIST_ITEM, joiner=LINE_BREAK)
            return
        first = marker in (None, 1) and len(self._markers) == 1
        label = "-" if marker is None else f"{marker}."
        if marker is not None:
            self._markers[-1] = marker + 1
        joiner = PARAGRAPH_BREAK if first and marker is not None else LINE_BREAK
        self._builder.add(f"{label} {text}", BlockKind.LIST_ITEM, joiner=joiner)

    def _end_table(self) -> None:
        add_table(self._builder, self._rows or ())
        self._rows = None


def _readable(token: Token) -> str:
    parts = []
    for child in token.children or ():
        match child.type:
            case "text" | "code_inline" | "image":
                parts.append(child.content)
            case "softbreak":
                parts.append(" ")
            case "hardbreak":
                parts.append("\n")
    return "".join(parts)
