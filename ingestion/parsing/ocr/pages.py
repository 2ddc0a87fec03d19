"""Pages of a PDF without a text layer: those that show something are drawn and recognised."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ingestion.parsing.ocr.recogniser import Recogniser
from ingestion.parsing.ocr.tesseract import POINTS_PER_INCH, Picture, RecognitionFailed
from ingestion.parsing.pdf_layout import Line
from ingestion.parsing.pdf_margins import Page

DOTS_PER_INCH = 300
MOST_PIXELS = 20_000_000
"""Pages larger than A3 are drawn coarser."""

_MOST_PIXELS_A_SIDE = 32_000  # tesseract reads no more
_MOST_RANGES = 50
_UNWRITTEN = (pdfium_c.FPDF_ANNOT_LINK, pdfium_c.FPDF_ANNOT_POPUP, pdfium_c.FPDF_ANNOT_WIDGET)


class RecognisedPages:
    """The pages of a document, and what is to be said about those without a text layer."""

    def __init__(self, document: pdfium.PdfDocument, recogniser: Recogniser) -> None:
        self._document = document
        self._recogniser = recogniser
        self._noted: dict[str, list[int]] = {}

    def filled(self, pages: Iterable[Page], *, unreadable: Sequence[Line]) -> Iterator[Page]:
        """Yield the pages; those without lines with what is recognised on them, unless their lines are `unreadable`."""
        for number, lines in pages:
            is_picture = not lines and lines is not unreadable and self._shows_something(number - 1)
            yield number, self._lines(number) if is_picture else lines

    @property
    def notes(self) -> list[str]:
        """One sentence for each thing that is to be said, with the pages."""
        return [f"without a text layer: {in_words(pages)}; {note}" for note, pages in self._noted.items()]

    def _lines(self, number: int) -> list[Line]:
        lines, note = self._recogniser.read(lambda: self._picture(number - 1))
        if note:
            self._noted.setdefault(note, []).append(number)
        return lines

    def _shows_something(self, index: int) -> bool:
        """Say whether there is more on a page than its text layer says, as on that of a scan."""
        try:
            with closing(self._document.get_page(index)) as page:
                objects = [pdfium_c.FPDFPage_GetObject(page, at) for at in range(pdfium_c.FPDFPage_CountObjects(page))]
                if any(pdfium_c.FPDFPageObj_GetType(each) != pdfium_c.FPDF_PAGEOBJ_TEXT for each in objects):
                    return True
                if _is_written_on(page):
                    return True
                # Letters without a code have no text layer. What has one was left out on purpose, as a running title.
                return bool(objects) and not _text_layer(page)
        except pdfium.PdfiumError:
            return False

    def _picture(self, index: int) -> Picture:
        try:
            with closing(self._document.get_page(index)) as page:
                scale = _scale(*page.get_size())
                with closing(page.render(scale=scale, grayscale=True)) as bitmap:
                    return Picture(pgm=_pgm(bitmap), pixels_per_point=scale, page_height=page.get_height())
        except pdfium.PdfiumError as exc:
            raise RecognitionFailed from exc


def _is_written_on(page: pdfium.PdfPage) -> bool:
    """Say whether a page has stamps, notes or drawings laid over it, which are in no text layer."""
    for at in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page, at)
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        pdfium_c.FPDFPage_CloseAnnot(annotation)
        if kind not in _UNWRITTEN:
            return True
    return False


def _text_layer(page: pdfium.PdfPage) -> str:
    with closing(page.get_textpage()) as textpage:
        return str(textpage.get_text_range()).strip()


def in_words(pages: Sequence[int]) -> str:
    """Return ascending page numbers in words, as "pages 3, 7-9 and 12"; long lists end with their number."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][-1] + 1:
            runs[-1][1:] = [page]
        else:
            runs.append([page])
    named = ["-".join(map(str, run)) for run in runs[:_MOST_RANGES]]
    if len(runs) > _MOST_RANGES:
        named.append(f"more, {len(pages)} in all")
    words = f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else named[0]
    return f"{'page' if len(pages) == 1 else 'pages'} {words}"


def _scale(width: float, height: float) -> float:
    """Return pixels a point."""
    return min(
        DOTS_PER_INCH / POINTS_PER_INCH,
        math.sqrt(MOST_PIXELS / (width * height)),
        _MOST_PIXELS_A_SIDE / max(width, height),
    )


def _pgm(bitmap: pdfium.PdfBitmap) -> bytes:
    pixels = memoryview(bitmap.buffer).cast("B")
    starts = range(0, bitmap.stride * bitmap.height, bitmap.stride)
    rows = (pixels[start : start + bitmap.width] for start in starts)
    return b"".join((b"P5 %d %d 255\n" % (bitmap.width, bitmap.height), *rows))
