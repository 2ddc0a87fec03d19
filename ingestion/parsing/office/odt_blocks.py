"""The blocks of an ODT: headings with their levels, paragraphs, list items, tables, and the notes behind each."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from ingestion.parsing.canonical import LINE_BREAK, PARAGRAPH_BREAK, CanonicalBuilder
from ingestion.parsing.office.comments import comment_text
from ingestion.parsing.office.drawings import alternative_text
from ingestion.parsing.office.odt_styles import Styles
from ingestion.parsing.office.xml_parts import local
from ingestion.parsing.records.tables import add_table, repeated_label
from rag_service.domain.documents import BlockKind

_TEXT: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_REFERENCE: Final = "{http://www.w3.org/1999/xlink}href"
_CREATOR: Final = "{http://purl.org/dc/elements/1.1/}creator"
_XML_ID: Final = "{http://www.w3.org/XML/1998/namespace}id"
_MAX_LEVEL: Final = 6
_MAX_REPEATED: Final = 1000  # a cell or space repeated more often is padding
_LEFT_OUT: Final = frozenset(
    "tracked-changes table-of-content illustration-index table-index object-index user-index alphabetical-index "
    "bibliography sequence-decls variable-decls user-field-decls forms ruby-text".split()
)
_SPACES: Final = {"tab": "\t", "line-break": "\n", "soft-page-break": ""}


class OdtReader:
    """Adds the blocks of a document's body, one child after another."""

    def __init__(self, builder: CanonicalBuilder, styles: Styles, objects: Callable[[str], Any]) -> None:
        """`objects` gives the content of an embedded object by its reference, None when there is none."""
        self._builder = builder
        self._styles = styles
        self._objects = objects
        self._counts: dict[str, int] = {}  # by list: the number of its last item, for lists that are continued
        self._last_list = ""

    def read(self, element: Any) -> None:
        """Add a child of the body, with all it holds."""
        name = local(element)
        match name:
            case "h":
                level = element.get(f"{_TEXT}outline-level", "1")
                self._add(element, BlockKind.HEADING, level=min(int(level), _MAX_LEVEL) if level.isdecimal() else 1)
            case "p":
                level_of_title = self._styles.title_level(element.get(f"{_TEXT}style-name", ""))
                kind = BlockKind.HEADING if level_of_title else BlockKind.PARAGRAPH
                self._add(element, kind, level=level_of_title)
            case "list":
                self._list(element, element.get(f"{_TEXT}style-name", ""), depth=1)
            case "table":
                self._table(element)
            case _ if name not in _LEFT_OUT:
                for child in element:
                    self.read(child)

    def _add(
        self, element: Any, kind: BlockKind, *, level: int | None = None, mark: str = "", joiner: str = PARAGRAPH_BREAK
    ) -> None:
        asides: list[Any] = []
        text = _text(element, asides)
        if text.strip():
            self._builder.add(mark + text, kind, level=level, joiner=joiner)
        self._add_asides(asides)

    def _add_asides(self, asides: list[Any]) -> None:
        for aside in asides:
            match local(aside):
                case "note":
                    body = aside.find(f"{_TEXT}note-body")
                    label = aside.findtext(f"{_TEXT}note-citation") or ""
                    self._builder.add(f"[{label}] {_flat(body)}" if body is not None else "")
                case "annotation":
                    said = " ".join(_flat(line) for line in aside.iterchildren(f"{_TEXT}p", f"{_TEXT}list"))
                    self._builder.add(comment_text(said, author=aside.findtext(_CREATOR) or ""))
                case "object":
                    self._object(aside)
                case _:  # a text box
                    for child in aside:
                        self.read(child)

    def _object(self, reference: Any) -> None:
        content = self._objects(reference.get(_REFERENCE, ""))
        for table in content.iter(f"{_TABLE}table") if content is not None else ():
            add_table(self._builder, _rows(table, []))

    def _list(self, element: Any, style: str, *, depth: int) -> None:
        numbered = self._styles.is_numbered(style, depth)
        number = self._first_number(element, depth)
        for item in element:
            if local(item) not in ("list-item", "list-header"):
                continue
            has_text = any(local(child) in ("p", "h") for child in item)
            start = item.get(f"{_TEXT}start-value", "")
            number = int(start) - 1 if start.isdecimal() else number
            number += has_text and local(item) == "list-item"
            mark = f"{number}. " if numbered else "- "
            for child in item:
                if local(child) == "list":
                    self._list(child, child.get(f"{_TEXT}style-name", style), depth=depth + 1)
                elif local(child) in ("p", "h"):
                    self._add(child, BlockKind.LIST_ITEM, mark=mark, joiner=LINE_BREAK if mark else PARAGRAPH_BREAK)
                    mark = ""
                else:
                    self.read(child)
        if depth == 1:
            self._last_list = element.get(_XML_ID, "")
            self._counts[self._last_list] = number

    def _first_number(self, element: Any, depth: int) -> int:
        continued = element.get(f"{_TEXT}continue-list")
        if depth == 1 and element.get(f"{_TEXT}continue-numbering") == "true":
            continued = self._last_list
        return self._counts.get(continued, 0) if continued is not None else 0

    def _table(self, table: Any) -> None:
        asides: list[Any] = []
        add_table(self._builder, _rows(table, asides))
        self._add_asides([aside for aside in asides if local(aside) != "text-box"])


def _rows(table: Any, asides: list[Any]) -> Iterator[list[str]]:
    """Yield the cells of each row; one merged over several rows is repeated, for rows are found one by one."""
    above: list[str] = []
    for row in _row_elements(table):
        cells: list[str] = []
        labels: list[str] = []
        for cell in row:
            covered = local(cell) == "covered-table-cell"
            if not covered and local(cell) != "table-cell":
                continue
            text = above[len(cells)] if covered and len(cells) < len(above) else "" if covered else _flat(cell, asides)
            count = min(_repeated(cell, f"{_TABLE}number-columns-repeated"), _MAX_REPEATED)
            cells += [text] * count
            labels += [repeated_label(text) if covered or _holds_for_rows(cell) else ""] * count
        above = labels
        yield cells


def _row_elements(table: Any) -> Iterator[Any]:
    for element in table:
        if local(element) in ("table-header-rows", "table-rows", "table-row-group"):
            yield from _row_elements(element)
        elif local(element) == "table-row":
            yield element


def _holds_for_rows(cell: Any) -> bool:
    return (
        _repeated(cell, f"{_TABLE}number-rows-spanned") > 1 and _repeated(cell, f"{_TABLE}number-columns-spanned") == 1
    )


def _flat(element: Any, asides: list[Any] | None = None) -> str:
    return " ".join(_text(element, [] if asides is None else asides, inside=True).split())


def _text(element: Any, asides: list[Any], *, inside: bool = False) -> str:
    """Return the text of an element; notes, comments and text boxes go to `asides`, unless all is read `inside`."""
    pieces: list[str] = []
    _collect(element, pieces, asides, inside=inside)
    return "".join(pieces)


def _collect(element: Any, pieces: list[str], asides: list[Any], *, inside: bool) -> None:
    """Fill lists, as generators inside generators take a step each per piece."""
    pieces.append(element.text or "")
    for child in element:
        name = local(child)
        match name:
            case "s":
                pieces.append(" " * min(_repeated(child, f"{_TEXT}c"), _MAX_REPEATED))
            case "tab" | "line-break" | "soft-page-break":
                pieces.append(_SPACES[name])
            case "note" | "annotation":
                asides.append(child)
                pieces.append(f"[{child.findtext(f'{_TEXT}note-citation')}]" if name == "note" else "")
            case "text-box" if not inside:
                asides.append(child)
            case "title" | "desc" if local(element) in ("frame", "custom-shape", "a"):
                pieces.append(f" {alternative_text(child.text)} ")
            case "object":
                asides.append(child)
            case "object-ole" | "binary-data" | "annotation-end":
                pass
            case _ if name and name not in _LEFT_OUT:
                between = " " if name in ("p", "h", "list", "table-cell", "table") else ""
                pieces.append(between)
                _collect(child, pieces, asides, inside=inside)
                pieces.append(between)
        pieces.append(child.tail or "")


def _repeated(element: Any, attribute: str) -> int:
    count = element.get(attribute, "1")
    return int(count) if count.isdecimal() else 1
