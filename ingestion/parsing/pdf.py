"""PDF: the text layer, page by page, with a box for every block."""

import ctypes
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import BinaryIO

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.ocr.pages import RecognisedPages
from ingestion.parsing.ocr.recogniser import Recogniser
from ingestion.parsing.pages import OnPages, unheard
from ingestion.parsing.pdf_layout import Line, PageBlock, blocks_of, body_font
from ingestion.parsing.pdf_margins import EDGE, Page, is_stamp, without_running_lines
from rag_service.domain.documents import ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_FONT_SAMPLE_PAGES = 20
_FONT_NAME_BYTES = 128
_BOLD_NAMES = (b"bold", b"black", b"heavy", b"-demi")
_BOLD_WEIGHT = 600
_MARGIN = 0.08  # of the page's width, where stamps stand
_CELL_GAP = 1.2  # of the font's size; gaps between words are smaller, those between cells larger
_GAP = re.compile(r"(?<=\S)\s+(?=\S)")
_LASTING_HYPHEN = re.compile(r"(?<=[A-Z\d]{2})\ufffe(?![A-Z])")  # as in LLM-generated
_LOCKED = frozenset({pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY})


def parse_pdf(
    file: BinaryIO, limits: ParsingLimits, recogniser: Recogniser, on_pages: OnPages = unheard
) -> ParsedDocument:
    """Return the text of a PDF; one page is in memory at a time.

    A page that cannot be read is left out with a warning; the file is damaged when no page can be read.
    """
    with closing(_opened(file)) as document:
        page_count = len(document)
        if page_count > limits.max_pages:
            raise DocumentRejected(ReasonCode.TOO_MANY_PAGES, f"{page_count} pages")
        builder = CanonicalBuilder(max_chars=limits.max_text_chars)
        body = body_font(
            line for _, lines in _pages(document, range(min(page_count, _FONT_SAMPLE_PAGES))) for line in lines
        )
        recognised = RecognisedPages(document, recogniser)
        unreadable = 0
        # Twice: what is scanned may carry a stamp on every page, and has running titles of its own.
        text_layer = without_running_lines(_pages(document, range(page_count)))
        read = _told(recognised.filled(text_layer, unreadable=_UNREADABLE), page_count, on_pages)
        for number, lines in without_running_lines(read):
            unreadable += lines is _UNREADABLE
            _add(builder, blocks_of(lines, body=body), number)
        if not builder.length and not recognised.notes:
            # Tickets and labels: what is on every page is all that there is.
            for number, lines in _pages(document, range(page_count)):
                _add(builder, blocks_of(lines, body=body), number)
        if unreadable:
            _note_unreadable(builder, unreadable, page_count)
        builder.warn(*recognised.notes)
        if not builder.length and recognised.notes:
            raise DocumentRejected(ReasonCode.NO_TEXT, "; ".join(recognised.notes))
        return builder.build(title=_title(document), page_count=page_count)


def _told(pages: Iterator[Page], page_count: int, on_pages: OnPages) -> Iterator[Page]:
    for page in pages:
        on_pages(page[0], page_count)
        yield page


_UNREADABLE: list[Line] = []


def _note_unreadable(builder: CanonicalBuilder, unreadable: int, page_count: int) -> None:
    if unreadable == page_count:
        raise DocumentRejected(ReasonCode.DAMAGED, "no page can be read")
    builder.warn(f"{unreadable} of {page_count} pages could not be read")


def _add(builder: CanonicalBuilder, blocks: Iterable[PageBlock], page: int) -> None:
    for block in blocks:
        builder.add(block.text, block.kind, level=block.level, page=page, bbox=block.bbox, joiner=block.joiner)


def _opened(file: BinaryIO) -> pdfium.PdfDocument:
    try:
        document = pdfium.PdfDocument(file)
    except pdfium.PdfiumError as exc:
        if getattr(exc, "err_code", None) in _LOCKED:
            raise DocumentRejected(ReasonCode.NEEDS_PASSWORD) from exc
        raise DocumentRejected(ReasonCode.DAMAGED, "not readable as PDF") from exc
    if len(document) == 0:
        document.close()
        raise DocumentRejected(ReasonCode.DAMAGED, "no pages")
    return document


def _title(document: pdfium.PdfDocument) -> str | None:
    title = document.get_metadata_value("Title").strip()
    # Editors write the name of their temporary file here.
    is_file_name = title.lower().endswith((".doc", ".docx", ".tex", ".dvi", ".indd", ".pdf", ".qxd", ".ps"))
    return None if is_file_name or title.lower() in ("untitled", "(anonymous)") else title or None


def _pages(document: pdfium.PdfDocument, indices: range) -> Iterator[tuple[int, list[Line]]]:
    for index in indices:
        try:
            with closing(document.get_page(index)) as page, closing(page.get_textpage()) as textpage:
                lines = [line for line in _lines(textpage, *page.get_size()) if not is_stamp(line)]
        except pdfium.PdfiumError:
            lines = _UNREADABLE
        yield index + 1, lines


def _lines(textpage: pdfium.PdfTextPage, page_width: float, page_height: float) -> list[Line]:
    count = textpage.count_chars()
    if count <= 0:
        return []
    buffer = (ctypes.c_ushort * (count * 2 + 2))()
    written = pdfium_c.FPDFText_GetText(textpage, 0, count, buffer)
    units = bytes(memoryview(buffer).cast("B"))[: max(0, written - 1) * 2]
    lines, start = [], 0
    # Offsets count UTF-16 units here, because that is how the library counts.
    for raw in units.decode("utf-16-le", errors="surrogatepass").split("\n"):
        length = len(raw.encode("utf-16-le", errors="surrogatepass")) // 2
        # U+FFFE is how the library marks a hyphen at a line's end.
        text = _LASTING_HYPHEN.sub("-", raw.rstrip("\r")).replace("\ufffe", "\u00ad")
        if text.strip():
            lines.append(_line(textpage, text, start, page_width, page_height))
        start += length + 1
    return lines


def _line(textpage: pdfium.PdfTextPage, text: str, start: int, page_width: float, page_height: float) -> Line:
    first = _char_index(textpage, start + len(text) - len(text.lstrip()))
    last = max(first, _char_index(textpage, start + len(text.rstrip()) - 1))
    left, bottom, _, top = _loose_box(textpage, first)
    _, last_bottom, right, last_top = _loose_box(textpage, last)
    top, bottom = page_height - max(top, last_top), page_height - min(bottom, last_bottom)
    right, size, is_rotated = max(right, left), _font_size(textpage, first), _is_rotated(textpage, first)
    at_side = right < page_width * _MARGIN or left > page_width * (1 - _MARGIN)
    return Line(
        text=text,
        left=round(left, 1),
        top=round(top, 1),
        right=round(right, 1),
        bottom=round(bottom, 1),
        size=size,
        is_bold=_is_bold(textpage, first) and _is_bold(textpage, last),
        is_rotated=is_rotated,
        is_at_edge=at_side if is_rotated else top < page_height * EDGE or bottom > page_height * (1 - EDGE),
        cells=_cells(textpage, text, start, size),
    )


def _cells(textpage: pdfium.PdfTextPage, text: str, start: int, size: float) -> tuple[str, ...]:
    """Return the line, parted where a gap is wider than one between words."""
    if not text.isascii() and any(char > "\uffff" for char in text):
        return (text.strip(),)  # its offsets are not those of the library
    cells, begin = [], 0
    for gap in _GAP.finditer(text):
        before = _loose_box(textpage, _char_index(textpage, start + gap.start() - 1))
        after = _loose_box(textpage, _char_index(textpage, start + gap.end()))
        if after[0] - before[2] > _CELL_GAP * size:
            cells.append(text[begin : gap.start()].strip())
            begin = gap.end()
    return (*cells, text[begin:].strip())


def _char_index(textpage: pdfium.PdfTextPage, text_index: int) -> int:
    return max(0, int(pdfium_c.FPDFText_GetCharIndexFromTextIndex(textpage, text_index)))


def _is_rotated(textpage: pdfium.PdfTextPage, index: int) -> bool:
    matrix = pdfium_c.FS_MATRIX()
    found = pdfium_c.FPDFText_GetMatrix(textpage, index, ctypes.byref(matrix))
    return bool(found) and abs(matrix.b) > abs(matrix.a)


def _font_size(textpage: pdfium.PdfTextPage, index: int) -> float:
    matrix = pdfium_c.FS_MATRIX()
    found = pdfium_c.FPDFText_GetMatrix(textpage, index, ctypes.byref(matrix))
    # Many programs write a font of size 1 and scale the text.
    scale = math.hypot(matrix.b, matrix.d) if found else 1.0
    return round(float(pdfium_c.FPDFText_GetFontSize(textpage, index)) * scale, 1)


def _is_bold(textpage: pdfium.PdfTextPage, index: int) -> bool:
    if pdfium_c.FPDFText_GetFontWeight(textpage, index) >= _BOLD_WEIGHT:
        return True
    name, flags = ctypes.create_string_buffer(_FONT_NAME_BYTES), ctypes.c_int()
    pdfium_c.FPDFText_GetFontInfo(textpage, index, name, _FONT_NAME_BYTES, ctypes.byref(flags))
    return any(word in name.value.lower() for word in _BOLD_NAMES)


def _loose_box(textpage: pdfium.PdfTextPage, index: int) -> tuple[float, float, float, float]:
    rect = pdfium_c.FS_RECTF()
    if not pdfium_c.FPDFText_GetLooseCharBox(textpage, index, ctypes.byref(rect)):
        return 0.0, 0.0, 0.0, 0.0
    return rect.left, rect.bottom, rect.right, rect.top
