"""PDF pages to what a reader would call their text."""

import io
from collections.abc import Callable

from reportlab.lib import colors
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import SimpleDocTemplate, Table

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.pdf_layout import Line, joined
from ingestion.parsing.read import read_document
from rag_service.domain.documents import BlockKind, ParsedDocument
from tests.unit.ingestion.scans import pdf

Draw = Callable[[Canvas, int], None]


def drawn(draw: Draw, *, pages: int = 1) -> ParsedDocument:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(600, 800))
    for page in range(1, pages + 1):
        canvas.setFont("Helvetica", 11)
        for row in range(8):
            canvas.drawString(72, 600 - 14 * row, f"Line {row} of page {page} goes on as text does in columns")
        draw(canvas, page)
        canvas.showPage()
    canvas.save()
    return read_document(io.BytesIO(buffer.getvalue()), "a.pdf", ParsingLimits())


def of_kind(document: ParsedDocument, kind: BlockKind) -> list[str]:
    return [block.span.of(document.text) for block in document.blocks if block.kind is kind]


def test_running_titles_and_page_numbers_are_left_out() -> None:
    def edges(canvas: Canvas, page: int) -> None:
        canvas.drawString(72, 780, "The Even Title" if page % 2 == 0 else "The Odd Title")
        canvas.drawString(72, 20, f"Page {page} of 8")

    text = drawn(edges, pages=8).text

    assert [words for words in ("Even Title", "Odd Title", "of 8") if words in text] == []
    assert all(f"Line 0 of page {page}" in text for page in range(1, 9))


def test_a_document_of_nothing_but_running_lines_keeps_them() -> None:
    tickets = read_document(io.BytesIO(pdf(*[""] * 5, stamp="Ticket 7")), "a.pdf", ParsingLimits())

    assert tickets.text.count("Ticket 7") == 5


def test_a_line_at_the_edge_of_one_page_stays() -> None:
    def edge(canvas: Canvas, page: int) -> None:
        if page == 2:
            canvas.drawString(72, 780, "A sentence that begins high up.")

    assert "A sentence that begins high up." in drawn(edge, pages=5).text


def test_a_stamp_along_the_side_is_left_out_and_a_turned_label_is_no_heading() -> None:
    def turned(canvas: Canvas, page: int) -> None:
        canvas.setFont("Helvetica", 20)
        for x, words in ((20, "stamped:1234 today"), (300, "Performance")):
            canvas.saveState()
            canvas.translate(x, 300)
            canvas.rotate(90)
            canvas.drawString(0, 0, words)
            canvas.restoreState()

    document = drawn(turned)

    assert "stamped" not in document.text
    assert "Performance" in document.text
    assert of_kind(document, BlockKind.HEADING) == []


def test_a_bold_line_is_a_heading_and_a_line_that_begins_bold_is_not() -> None:
    def bold(canvas: Canvas, page: int) -> None:
        canvas.setFont("Helvetica-Bold", 11)
        canvas.drawString(72, 700, "2.1 Opening hours")
        canvas.drawString(72, 660, "Note")
        canvas.setFont("Helvetica", 11)
        canvas.drawString(100, 660, "that this goes on")

    assert of_kind(drawn(bold), BlockKind.HEADING) == ["2.1 Opening hours"]


def test_a_table_keeps_its_rows_and_cells() -> None:
    buffer = io.BytesIO()
    rows = [["Item", "Price", "Stock"], ["Green tea", "4.50", "12"], ["Coffee", "6.00", "3"], ["Milk", "1.10", "40"]]
    table = Table(rows, colWidths=[150, 100, 100], style=[("GRID", (0, 0), (-1, -1), 1, colors.black)])
    SimpleDocTemplate(buffer).build([table])

    document = read_document(io.BytesIO(buffer.getvalue()), "a.pdf", ParsingLimits())

    assert of_kind(document, BlockKind.TABLE) == ["\n".join(" | ".join(row) for row in rows)]


def test_bullets_before_a_wide_gap_make_a_list_and_no_table() -> None:
    def items(canvas: Canvas, page: int) -> None:
        for row in range(3):
            canvas.drawString(72, 400 - 20 * row, "•")
            canvas.drawString(110, 400 - 20 * row, f"item {row}")

    document = drawn(items)

    assert of_kind(document, BlockKind.TABLE) == []
    assert of_kind(document, BlockKind.LIST_ITEM) == ["• item 0", "• item 1", "• item 2"]


def line(text: str) -> Line:
    return Line(text=text, left=0, top=0, right=100, bottom=10, size=10)


def test_a_hyphen_that_belongs_to_its_word_stays() -> None:
    assert joined([line("the LLM-"), line("generated and state-of-the-"), line("art docu-"), line("ments")]) == (
        "the LLM-generated and state-of-the-art documents"
    )


def test_dots_that_lead_to_a_page_number_are_shortened() -> None:
    assert joined([line("Contents . . . . . . . . . . 12")]) == "Contents … 12"


def test_pages_without_a_text_layer_are_named_and_empty_ones_are_not() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(600, 800))
    for page in range(1, 10):
        if page == 1:
            canvas.drawString(72, 600, "The only page with text.")
        elif page != 5:
            canvas.rect(100, 100, 300, 300)
        canvas.showPage()
    canvas.save()

    document = read_document(io.BytesIO(buffer.getvalue()), "a.pdf", ParsingLimits())

    assert document.text == "The only page with text."
    [warning] = document.warnings
    assert warning.startswith("without a text layer: pages 2-4 and 6-9; not read, because")
