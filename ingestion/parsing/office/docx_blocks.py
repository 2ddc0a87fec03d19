"""The blocks of a DOCX: headings with their levels, paragraphs, list items, tables, and the notes behind each."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import chain, islice
from typing import Any, Final

from ingestion.parsing.canonical import LINE_BREAK, PARAGRAPH_BREAK, CanonicalBuilder
from ingestion.parsing.office.comments import comment_text
from ingestion.parsing.office.docx_lists import BULLET, Lists
from ingestion.parsing.office.docx_notes import Notes
from ingestion.parsing.office.docx_pages import Pages
from ingestion.parsing.office.docx_styles import ParagraphStyle, Styles, list_place, outline_level
from ingestion.parsing.office.docx_tables import cell_elements, row_elements, rows
from ingestion.parsing.office.docx_text import Aside, Line, TextReader
from ingestion.parsing.office.drawings import chart_rows, chart_title, run_text
from ingestion.parsing.office.ooxml import any_of, child_value, own
from ingestion.parsing.office.xml_parts import local
from ingestion.parsing.records.tables import add_table
from rag_service.domain.documents import BlockKind

_MAX_LEVEL: Final = 6
_TYPED_BULLET: Final = re.compile(r"\s*[•▪‣◦●○■](?:\s+|$)")
_LEFT_OUT: Final = frozenset({"sdtPr", "sdtEndPr", "del", "moveFrom", "tcPr", "Fallback"})


class DocxReader:
    """Adds the blocks of a document's body, one child after another."""

    def __init__(
        self,
        builder: CanonicalBuilder,
        styles: Styles,
        lists: Lists,
        pages: Pages,
        *,
        part_of_kind: Callable[[str], Any],
        part_of_id: Callable[[str], Any],
    ) -> None:
        """Parts are found by what they are to the document, "footnotes" for instance, or by the id of the relation.

        Both give None when there is none; a part of an id is given once.
        """
        self._builder = builder
        self._styles = styles
        self._lists = lists
        self._pages = pages
        self._notes = Notes(part_of_kind)
        self._part_of_id = part_of_id
        self._text = TextReader(styles, self._notes, pages, self._mark)
        self._held: Line | None = None  # a paragraph whose end was deleted: the next one goes on with it
        self._was_code = False

    def read(self, element: Any) -> None:
        """Add a child of the body, with all it holds."""
        match local(element):
            case "p":
                self._paragraph(element)
            case "tbl":
                self._flush()
                self._table(element)
            case name if name and name not in _LEFT_OUT:
                for child in element:
                    self.read(child)

    def end(self) -> None:
        """Add what waits for a paragraph that did not come."""
        self._flush()

    def _paragraph(self, element: Any) -> None:
        properties = element.find("{*}pPr")
        style = self._styles.of(child_value(properties, "pStyle"))
        mark = self._mark(element)
        line = self._text.paragraph(element)
        if not (style.is_hidden or style.is_directory):
            line = self._continued(line)
            if _end_is_deleted(properties):
                self._held = line
            else:
                self._add(line, properties, style, mark)
        if properties is not None and properties.find("{*}sectPr") is not None:
            self._pages.end_section()

    def _add(self, line: Line, properties: Any, style: ParagraphStyle, mark: str) -> None:
        outline = outline_level(properties)
        level = style.level if outline is None else outline or None
        text, page, is_code = line.text, line.page, style.is_code and not level
        if not mark and not is_code and (typed := _TYPED_BULLET.match(text)):
            mark, text = BULLET, text[typed.end() :]
        if not text.strip():
            is_code = False
        elif level:
            numbered = "" if mark == BULLET else mark
            self._builder.add(numbered + text, BlockKind.HEADING, level=min(level, _MAX_LEVEL), page=page)
        elif is_code:
            self._builder.add(text, BlockKind.CODE, page=page, joiner=LINE_BREAK if self._was_code else PARAGRAPH_BREAK)
        elif mark:
            self._builder.add(mark + text.strip(), BlockKind.LIST_ITEM, page=page, joiner=LINE_BREAK)
        else:
            self._builder.add(text, page=page)
        self._was_code = is_code
        self._add_asides(line.asides, page)

    def _continued(self, line: Line) -> Line:
        held, self._held = self._held, None
        if held is None:
            return line
        held.pieces += line.pieces
        held.asides += line.asides
        return held

    def _flush(self) -> None:
        if self._held is not None:
            self._add(self._continued(Line()), None, ParagraphStyle(), "")
        self._was_code = False

    def _mark(self, paragraph: Any) -> str:
        """Return the bullet or number of a paragraph, and count it; one whose end was deleted is no item any more."""
        properties = paragraph.find("{*}pPr")
        if _end_is_deleted(properties):
            return ""
        style = self._styles.of(child_value(properties, "pStyle"))
        place = list_place(properties)
        if place is None:
            place = style.place
        elif not place.list_id and style.place is not None:
            place = replace(style.place, depth=place.depth)
        if place is None:
            return BULLET if style.is_listed else ""
        return self._lists.mark(place)

    def _table(self, table: Any) -> None:
        alone = _only_cell(table)
        if alone is not None:
            # A frame round a part of the text.
            for child in alone:
                self.read(child)
            self._flush()
            return
        asides: list[Aside] = []
        pages: list[int | None] = []

        def text_of(cell: Any) -> str:
            line = self._text.inside(cell)
            asides.extend(line.asides)
            pages.append(line.page)
            return line.flat

        found = rows(table, text_of, self._pages)
        first = list(islice(found, 1))  # read before the page is asked for: it may begin on the next one
        page = next(iter(pages), self._pages.number)
        add_table(self._builder, chain(first, found), page=page)
        self._add_asides(asides, page)

    def _add_asides(self, asides: list[Aside], page: int | None) -> None:
        here = self._pages.number
        for aside in asides:
            match local(aside.element):
                case "txbxContent":
                    self._box(aside.element)
                case "chart":
                    self._chart(self._part_of_id(any_of(aside.element, "id")), page)
                case "relIds":
                    self._diagram(self._part_of_id(any_of(aside.element, "dm")), page)
                case "commentReference":
                    comment = self._notes.taken(aside.element)
                    if comment is not None:
                        said = self._text.inside(comment).flat
                        self._builder.add(comment_text(said, author=own(comment, "author")), page=page)
                case _:
                    self._note(aside, page)
            self._pages.turn(here)

    def _note(self, aside: Aside, page: int | None) -> None:
        note = self._notes.taken(aside.element)
        if note is None:
            return
        line = self._text.inside(note)
        label = f"[{aside.label}] " if aside.label else ""
        self._builder.add(label + line.flat if line.flat else "", page=page)
        self._add_asides(line.asides, page)

    def _box(self, content: Any) -> None:
        for child in content:
            self.read(child)
        self._flush()

    def _chart(self, chart: Any, page: int | None) -> None:
        if chart is not None:
            self._builder.add(chart_title(chart), page=page)
            add_table(self._builder, chart_rows(chart), page=page)

    def _diagram(self, diagram: Any, page: int | None) -> None:
        for paragraph in (
            diagram.iter("{http://schemas.openxmlformats.org/drawingml/2006/main}p") if diagram is not None else ()
        ):
            text = run_text(paragraph)
            self._builder.add(f"- {text}" if text else "", BlockKind.LIST_ITEM, page=page, joiner=LINE_BREAK)


def _only_cell(table: Any) -> Any:
    """Return the cell of a table that has no other."""
    found = list(islice(row_elements(table), 2))
    cells = list(islice(cell_elements(found[0]), 2)) if len(found) == 1 else []
    return cells[0] if len(cells) == 1 else None


def _end_is_deleted(properties: Any) -> bool:
    mark = properties.find("{*}rPr") if properties is not None else None
    return mark is not None and any(local(change) in ("del", "moveFrom") for change in mark)
