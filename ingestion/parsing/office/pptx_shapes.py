"""The shapes of a slide in the order in which they are read: the title, then rows from top to bottom."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.shapes.shapetree import BaseShapeFactory

from ingestion.parsing.canonical import LINE_BREAK, PARAGRAPH_BREAK, CanonicalBuilder
from ingestion.parsing.office.drawings import alternative_text, chart_rows, chart_title, run_text
from ingestion.parsing.office.pptx_lists import Marks
from ingestion.parsing.office.xml_parts import local, xml_root
from ingestion.parsing.records.tables import add_table, repeated_label
from rag_service.domain.documents import BlockKind

if TYPE_CHECKING:
    from pptx.shapes.base import BaseShape
    from pptx.slide import Slide
    from pptx.text.text import TextFrame

_FURNITURE: Final = frozenset({PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER})
_MAX_DEPTH: Final = 20  # groups in groups; deeper ones are made by no hand
_ALTERNATIVES: Final = "AlternateContent"
_BROKEN_SHAPE = (LookupError, ValueError, TypeError, AttributeError)


class SlideReader:
    """Adds what one slide shows to the document."""

    def __init__(self, builder: CanonicalBuilder, page: int) -> None:
        self._builder = builder
        self._page = page

    def read(self, slide: "Slide") -> None:
        """Add the title, then all other shapes; footers, dates and slide numbers stay out."""
        title = slide.shapes.title
        if title is not None:
            self._builder.add(_flat(title.text_frame), BlockKind.HEADING, level=1, page=self._page)
        # Not told by their ids: some programs give one id to several shapes.
        known = None if title is None else title.element
        self._read_all([shape for shape in _shapes(slide.shapes) if shape.element is not known], depth=0)

    def _read_all(self, shapes: Iterable["BaseShape"], *, depth: int) -> None:
        for shape in in_reading_order(shapes):
            try:
                self._read(shape, depth)
            except _BROKEN_SHAPE:
                self._builder.warn("a shape could not be read")

    def _read(self, shape: Any, depth: int) -> None:
        if shape.is_placeholder and shape.placeholder_format.type in _FURNITURE:
            return
        self._builder.add(_described(shape), page=self._page)
        if hasattr(shape, "shapes") and depth < _MAX_DEPTH:
            self._read_all(_shapes(shape.shapes), depth=depth + 1)
        elif getattr(shape, "has_table", False):
            add_table(self._builder, _rows(shape.table), page=self._page)
        elif getattr(shape, "has_chart", False):
            self._add_chart(shape)
        elif getattr(shape, "has_text_frame", False):
            self._add_text(shape)
        else:
            self._add_diagram(shape)

    def _add_text(self, shape: Any) -> None:
        marks = Marks(shape)
        for paragraph in shape.text_frame.paragraphs:
            mark = marks.of(paragraph)
            text = paragraph.text.replace("\v", "\n")
            if not text.strip():
                continue
            kind = BlockKind.LIST_ITEM if mark else BlockKind.PARAGRAPH
            self._builder.add(mark + text, kind, page=self._page, joiner=LINE_BREAK if mark else PARAGRAPH_BREAK)

    def _add_chart(self, shape: Any) -> None:
        for relation_id in shape.element.xpath(".//*[local-name()='chart']/@*[local-name()='id']"):
            chart = xml_root(shape.part.related_part(relation_id).blob)
            if chart is None:
                continue
            self._builder.add(chart_title(chart), page=self._page)
            add_table(self._builder, chart_rows(chart), page=self._page)

    def _add_diagram(self, shape: "BaseShape") -> None:
        """Add the texts of a SmartArt diagram, which lie in a part of their own."""
        for relation_id in shape.element.xpath(".//*[local-name()='relIds']/@*[local-name()='dm']"):
            root = xml_root(shape.part.related_part(relation_id).blob)
            for paragraph in (
                () if root is None else root.iter("{http://schemas.openxmlformats.org/drawingml/2006/main}p")
            ):
                text = run_text(paragraph)
                self._builder.add(f"- {text}" if text else "", BlockKind.LIST_ITEM, page=self._page, joiner=LINE_BREAK)


def in_reading_order(shapes: Iterable["BaseShape"]) -> list["BaseShape"]:
    """Return the shapes by rows: one whose middle is beside the first of a row belongs to that row, left to right."""
    rows: list[tuple[int, list[tuple[int, BaseShape]]]] = []  # the lower edge of the first, all with their left edges
    placed = [(shape.top or 0, shape.left or 0, shape.height or 0, shape) for shape in shapes]
    for top, left, height, shape in sorted(placed, key=lambda place: place[:2]):
        if rows and top + height // 2 <= rows[-1][0]:
            rows[-1][1].append((left, shape))
        else:
            rows.append((top + height, [(left, shape)]))
    return [shape for _, row in rows for _, shape in sorted(row, key=lambda place: place[0])]


def _shapes(shapes: Any) -> Iterator["BaseShape"]:
    """Yield the shapes, also those for which the file has an alternative, which the library leaves out."""
    yield from shapes
    for element in shapes._element:  # noqa: SLF001
        if local(element) == _ALTERNATIVES:
            choice = next(iter(element), None)
            for child in choice if choice is not None else ():
                yield BaseShapeFactory(child, shapes)


def _described(shape: "BaseShape") -> str:
    for properties in shape.element[:1]:
        named = properties.find("{*}cNvPr")
        return alternative_text(named.get("descr")) if named is not None else ""
    return ""


def _flat(frame: "TextFrame") -> str:
    return " ".join(frame.text.split())


def _rows(table: Any) -> Iterator[list[str]]:
    """Yield the cells of each row; one merged over several rows is repeated, for rows are found one by one."""
    above: dict[int, str] = {}
    # Past the library's rows and cells, each of which is looked for from the first.
    for row in table._tbl.tr_lst:  # noqa: SLF001
        cells = []
        for column, shape in enumerate(row.tc_lst):
            repeats = shape.vMerge and not shape.hMerge and shape.gridSpan == 1
            text = above.get(column, "") if repeats else "" if shape.is_spanned else str(shape.text)
            above[column] = repeated_label(text)
            cells.append(text)
        yield cells
