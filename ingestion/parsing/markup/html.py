"""HTML: what a reader sees of the page's main part."""

import textwrap
from typing import BinaryIO, Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingestion.parsing.canonical import LINE_BREAK, LOWEST_LEVEL, PARAGRAPH_BREAK, CanonicalBuilder
from ingestion.parsing.decoding import declared_charset, decode
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.markup.html_article import find_article
from ingestion.parsing.markup.html_nodes import BLOCKS, NEVER_SHOWN, events, is_hidden, number_of, parsed
from ingestion.parsing.markup.html_tables import table_rows
from ingestion.parsing.records.tables import add_table
from ingestion.parsing.text import read_limited
from rag_service.domain.documents import BlockKind, ParsedDocument

_BOILERPLATE: Final = frozenset("nav aside footer header".split())
_LISTS: Final = frozenset("ul ol menu".split())
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_AROUND_PICTURES: Final = frozenset("picture a div span".split())
_MIN_MAIN_SHARE = 0.2  # of the page's text must be in <main> or <article> for it to be the main part


def parse_html(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return the readable text of a page; navigation goes when the page says what its main part is."""
    content = read_limited(file, limits)
    text, warnings = decode(content, declared=declared_charset(content))
    tree = parsed(text)
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    builder.warn(*warnings)
    _add_page(builder, tree)
    title = tree.css_first("title")
    return builder.build(title=title.text(strip=True) if title else None)


def add_markup(builder: CanonicalBuilder, markup: str, *, under: int = 0) -> None:
    """Add all that a reader sees of a piece of HTML or XHTML, such as a chapter of a book or the body of a mail.

    Its headings go down by `under` levels.
    """
    body = parsed(markup).body
    if body is not None:
        _Walk(builder, frozenset(), under=under).over(body)


def _add_page(builder: CanonicalBuilder, tree: LexborHTMLParser) -> None:
    article = find_article(tree)
    if article is not None:
        heading = tree.css_first("h1")
        if heading is not None and not _is_inside(heading, article.root):
            _Walk(builder, frozenset()).over(heading)
        _Walk(builder, _BOILERPLATE, beside=article.beside).over(article.root)
        return
    root, boilerplate = _main_part(tree)
    if root is not None:
        _Walk(builder, boilerplate).over(root)


def _is_inside(node: LexborNode, root: LexborNode) -> bool:
    above: LexborNode | None = node
    while above is not None and above.mem_id != root.mem_id:
        above = above.parent
    return above is not None


def _main_part(tree: LexborHTMLParser) -> tuple[LexborNode | None, frozenset[str]]:
    body = tree.body
    candidates = tree.css("main, [role=main]") or tree.css("article")
    if body is None or not candidates:
        return body, frozenset()
    if len(candidates) > 1:
        return body, _BOILERPLATE
    main = candidates[0]
    enough = len(main.text(strip=True)) >= _MIN_MAIN_SHARE * len(body.text(strip=True))
    return (main if enough else body), _BOILERPLATE


def _is_in_header(node: LexborNode) -> bool:
    """Lists beside a page's heading lead elsewhere: to other languages, to its history."""
    above = node.parent
    while above is not None and above.tag != "header":
        above = above.parent
    return above is not None


def _has_caption(element: LexborNode) -> bool:
    """Say whether a caption stands in it, which most often says the same as the picture's alternative text."""
    return element.tag == "figure" and element.css_first("figcaption") is not None


class _Walk:
    """Goes through the tree without recursion, so that depth is no danger, and cuts it at block elements."""

    def __init__(
        self,
        builder: CanonicalBuilder,
        boilerplate: frozenset[str],
        *,
        beside: frozenset[int] = frozenset(),
        under: int = 0,
    ) -> None:
        """Leave out the elements named in `boilerplate`, and the nodes whose `mem_id` is among `beside`."""
        self._builder = builder
        self._beside = beside
        self._under = under
        self._boilerplate = boilerplate
        self._inline: list[str] = []
        self._items: list[int | None] = []  # per open list: the next number, None for bullets
        self._marker = ""
        self._heading: int | None = None
        self._preformatted = 0
        self._headers = 0  # how many it is inside of
        self._captioned = [False]  # per open element: whether a caption stands beside a picture in it

    def over(self, root: LexborNode) -> None:
        self._headers += _is_in_header(root)
        for node, opens in events(root, lambda node: self._is_read_inside(node, root)):
            if opens:
                self._open(node)
            else:
                self._close(node)
        self._flush()

    def _is_read_inside(self, node: LexborNode, root: LexborNode) -> bool:
        tag = node.tag or ""
        if node.mem_id == root.mem_id:
            return True
        if tag in NEVER_SHOWN or node.mem_id in self._beside or is_hidden(node):
            return False
        if tag in _LISTS and self._boilerplate and self._headers:
            return False
        if tag == "header" and node.css_first("h1, h2") is not None:
            return True
        return tag not in self._boilerplate and not (tag == "table" and self._is_data_table(node))

    def _is_data_table(self, table: LexborNode) -> bool:
        # One that holds others is there for the lay-out. Its children are asked, for it would find itself.
        return all(part.css_first("table") is None for part in table.iter())

    def _open(self, node: LexborNode) -> None:
        if node.is_text_node:
            self._inline.append(self._spaced(node.text_content or ""))
            return
        tag = node.tag or ""
        if tag in BLOCKS:
            self._flush()
        self._headers += tag == "header"
        captioned = self._captioned[-1] if tag in _AROUND_PICTURES else _has_caption(node)
        self._captioned.append(captioned)
        match tag:
            case "br":
                self._inline.append("\n")
            case "img" if not is_hidden(node) and not self._captioned[-2]:
                self._inline.append(f" {node.attributes.get('alt') or ''} ")
            case "pre":
                self._preformatted += 1
            case "ul" | "ol" | "menu":
                self._items.append(number_of(node, "start", 1) if tag == "ol" else None)
            case "li":
                self._marker = self._next_marker(node)
            case "table" if not is_hidden(node) and node.mem_id not in self._beside:
                self._table(node)
            case _ if tag in _HEADINGS:
                self._heading = _HEADINGS[tag]

    def _close(self, node: LexborNode) -> None:
        if node.is_text_node:
            return
        tag = node.tag or ""
        if tag in BLOCKS:
            self._flush()
        self._headers -= tag == "header"
        self._captioned.pop()
        match tag:
            case "pre":
                self._preformatted -= 1
            case "ul" | "ol" | "menu":
                self._items.pop()
            case "li":
                self._marker = ""
            case _ if tag in _HEADINGS:
                self._heading = None

    def _spaced(self, text: str) -> str:
        if self._preformatted:
            return text
        collapsed = " ".join(text.split())
        before = " " if text[:1].isspace() else ""
        after = " " if text[-1:].isspace() else ""
        return f"{before}{collapsed}{after}"

    def _next_marker(self, item: LexborNode) -> str:
        if not self._items or self._items[-1] is None:
            return "- "
        number = number_of(item, "value", self._items[-1])
        self._items[-1] = number + 1
        return f"{number}. "

    def _table(self, node: LexborNode) -> None:
        if self._is_data_table(node):
            caption = node.css_first("caption")
            if caption is not None:
                self._builder.add(caption.text(separator=" "))
            add_table(self._builder, table_rows(node))

    def _flush(self) -> None:
        text = "".join(self._inline)
        self._inline.clear()
        if not text.strip():
            return
        if self._heading is not None:
            self._builder.add(text, BlockKind.HEADING, level=min(self._heading + self._under, LOWEST_LEVEL))
        elif self._preformatted:
            self._builder.add(textwrap.dedent(text.strip("\n")), BlockKind.CODE)
        elif self._items:
            joiner = LINE_BREAK if self._marker else PARAGRAPH_BREAK
            self._builder.add(self._marker + text.lstrip(), BlockKind.LIST_ITEM, joiner=joiner)
            self._marker = ""
        else:
            self._builder.add(text)
