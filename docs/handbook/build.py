"""Writes the handbook's DOCX and PDF chapters from the Markdown beside this file: `python docs/handbook/build.py`.

The same text gives the same bytes, so that a new build shows no difference where nothing changed.
"""
# ruff: noqa: INP001  (a script beside the texts it reads, not a package)

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

import docx
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate

SOURCES = Path(__file__).parent
TARGET = SOURCES.parent.parent / "rag_service" / "sample"
DOCX_CHAPTER = "05-versions"
PDF_CHAPTER = "06-access"

Kind = Literal["title", "heading", "item", "paragraph"]

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_MARKS: tuple[tuple[str, Kind], ...] = (("## ", "heading"), ("# ", "title"), ("- ", "item"))
_DOCX_STYLES = {"title": "Heading 1", "heading": "Heading 2", "item": "List Bullet", "paragraph": "Normal"}
_PDF_STYLES = {"title": "Heading1", "heading": "Heading2", "item": "Bullet", "paragraph": "BodyText"}


def blocks(markdown: str) -> Iterator[tuple[Kind, str]]:
    """Yield the blocks of a chapter: headings, list items and paragraphs, one a line."""
    for line in re.findall(r"\S.*", markdown):
        mark, kind = next(((mark, kind) for mark, kind in _MARKS if line.startswith(mark)), ("", "paragraph"))
        yield kind, line.removeprefix(mark)


def write_docx(markdown: str, target: Path) -> None:
    """Write a Word document."""
    document = docx.Document()
    document.core_properties.author = document.core_properties.comments = ""
    document.core_properties.created = document.core_properties.modified = _LONG_AGO
    for kind, text in blocks(markdown):
        document.add_paragraph(text, style=_DOCX_STYLES[kind])
        if kind == "title":
            document.core_properties.title = text
    written = io.BytesIO()
    document.save(written)
    target.write_bytes(_without_dates(written))


def write_pdf(markdown: str, target: Path) -> None:
    """Write a PDF."""
    styles = getSampleStyleSheet()
    titles = [text for kind, text in blocks(markdown) if kind == "title"]
    document = SimpleDocTemplate(str(target), pagesize=A4, title=titles[0], author="", invariant=1)
    document.build(list(_flowables(markdown, styles)))


def _flowables(markdown: str, styles: dict[str, object]) -> Iterator[Flowable]:
    for kind, text in blocks(markdown):
        bullet = "•" if kind == "item" else None
        yield Paragraph(escape(text), styles[_PDF_STYLES[kind]], bulletText=bullet)


def _without_dates(archive: io.BytesIO) -> bytes:
    same_each_time = io.BytesIO()
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(same_each_time, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            entry = zipfile.ZipInfo(name, date_time=(2000, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))
    return same_each_time.getvalue()


def main() -> None:
    """Write both chapters."""
    write_docx((SOURCES / f"{DOCX_CHAPTER}.md").read_text(encoding="utf-8"), TARGET / f"{DOCX_CHAPTER}.docx")
    write_pdf((SOURCES / f"{PDF_CHAPTER}.md").read_text(encoding="utf-8"), TARGET / f"{PDF_CHAPTER}.pdf")


if __name__ == "__main__":
    main()
