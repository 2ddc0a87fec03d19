"""Documents to ingest: the files of a folder, else generated ones of every kind that both roads read, 1 to 12 pages."""

import html
import random
import textwrap
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

import docx
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from tests.bench.texts import rows

_PARAGRAPHS_PER_PAGE = 4
_PAGES = (1, 2, 3, 5, 8, 12)
_LINE_CHARS = 95
_LINES_PER_PAGE = 55


def generate(folder: Path, *, kinds: Sequence[str], count: int, first: int = 0) -> None:
    """Write `count` documents, the kinds in turn; another `first` gives other texts."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        kind = kinds[number % len(kinds)]
        paragraphs = _paragraphs(number, _PAGES[number % len(_PAGES)])
        (folder / f"{name_of(number)}.{kind}").write_bytes(_WRITERS[kind](f"Document {name_of(number)}", paragraphs))


def name_of(number: int) -> str:
    """Return a word that only this document has, in its title."""
    return f"d{number:07}"


def pdf(title: str, paragraphs: Iterable[str], *, compressed: bool = True) -> bytes:
    """Return the text set in lines, page after page."""
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=A4, pageCompression=int(compressed))
    lines = [title, *(line for text in paragraphs for line in [*textwrap.wrap(text, _LINE_CHARS), ""])]
    for start in range(0, len(lines), _LINES_PER_PAGE):
        drawn = canvas.beginText(50, 790)
        drawn.setFont("Helvetica", 10)
        drawn.textLines(
            [line.encode("latin-1", "replace").decode("latin-1") for line in lines[start:][:_LINES_PER_PAGE]]
        )
        canvas.drawText(drawn)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _paragraphs(number: int, pages: int) -> list[str]:
    # Real sentences where they are at hand, in an order of each document's own, so that no two chunks are equal.
    generator = random.Random(number)  # noqa: S311  (repeatable, not secret)
    texts = generator.sample([row.text for row in rows(1000)], k=pages * _PARAGRAPHS_PER_PAGE)
    return [f"{number}.{place} {text}" for place, text in enumerate(texts)]


def _html(title: str, paragraphs: Sequence[str]) -> bytes:
    body = "".join(f"<p>{html.escape(text)}</p>" for text in paragraphs)
    return (
        f"<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>".encode()
    )


def _text(title: str, paragraphs: Sequence[str]) -> bytes:
    return "\n\n".join([title, *paragraphs]).encode()


def _markdown(title: str, paragraphs: Sequence[str]) -> bytes:
    return "\n\n".join([f"# {title}", *paragraphs]).encode()


def _docx(title: str, paragraphs: Sequence[str]) -> bytes:
    document = docx.Document()
    document.add_heading(title)
    for text in paragraphs:
        document.add_paragraph(text)
    buffer = BytesIO()
    document.save(buffer)
    return buffer.getvalue()


_WRITERS = {"html": _html, "txt": _text, "md": _markdown, "docx": _docx, "pdf": pdf}
