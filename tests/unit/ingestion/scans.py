"""Makes scanned documents, and programs that pass for tesseract."""

import io
import shutil
from pathlib import Path

import pypdfium2
import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from ingestion.parsing.limits import ParsingLimits

WIDTH, HEIGHT = 420, 595
PIXELS_PER_POINT = 200 / 72

TESSERACT = shutil.which("tesseract")
needs_tesseract = pytest.mark.skipif(TESSERACT is None, reason="tesseract is not installed")

HEADER = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"


def pdf(*pages: str, turned: int = 0, stamp: str = "") -> bytes:
    """Return a PDF of pages with lines of text; one that begins with "scan:" is a picture, and may lie on its side.

    One that begins with "note:" has its text in an annotation, which is in no text layer.

    `stamp` stands in the text layer at the foot of every page.
    """
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(WIDTH, HEIGHT))
    for page in pages:
        if page.startswith("scan:"):
            _draw_picture(canvas, page.removeprefix("scan:"), turned)
        elif page.startswith("note:"):
            canvas.freeTextAnnotation(page.removeprefix("note:"), "/Helv 12 Tf 0 g", Rect=(60, 300, 360, 400))
        else:
            _draw(canvas, page)
        canvas.drawString(60, 15, stamp)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def limits(program: Path | str | None = TESSERACT, *, page_s: float = 60.0, file_s: float = 600.0) -> ParsingLimits:
    """Return limits that allow text recognition in English."""
    return ParsingLimits(
        ocr_program=str(program or ""), ocr_languages="eng", ocr_page_timeout_s=page_s, ocr_file_timeout_s=file_s
    )


def program(folder: Path, script: str) -> Path:
    """Return a shell script that stands where tesseract would."""
    path = folder / "tesseract"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def saying(folder: Path, *words: str) -> Path:
    """Return a program that recognises these words: each its columns from block to text, parted by blanks."""
    rows = "".join("\t".join(["5", "1", *word.split(" ")]) + "\n" for word in words)
    (folder / "table").write_text(HEADER + rows, encoding="utf-8")
    return program(folder, f"cat > /dev/null; cat {folder / 'table'}")


def _draw(canvas: Canvas, text: str) -> None:
    canvas.setFont("Helvetica", 12)
    for row, line in enumerate(text.split("\n")):
        canvas.drawString(60, HEIGHT - 100 - 16 * row, line)


def _draw_picture(canvas: Canvas, text: str, turned: int) -> None:
    buffer = io.BytesIO()
    drawn = Canvas(buffer, pagesize=(WIDTH, HEIGHT))
    _draw(drawn, text)
    drawn.save()
    with pypdfium2.PdfDocument(buffer.getvalue()) as document:
        picture = document[0].render(scale=PIXELS_PER_POINT, grayscale=True).to_pil()
    if turned:
        canvas.setPageSize((HEIGHT, WIDTH))
        canvas.drawImage(ImageReader(picture.rotate(turned, expand=True)), 0, 0, HEIGHT, WIDTH)
    else:
        canvas.drawImage(ImageReader(picture), 0, 0, WIDTH, HEIGHT)
