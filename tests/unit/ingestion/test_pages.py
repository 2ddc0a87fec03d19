"""How many pages were read, from the parser to the job table."""

import io

import pytest
from reportlab.pdfgen.canvas import Canvas

from ingestion.parsing import pages
from ingestion.parsing.isolation.wire import frame, pack_pages, unpack_pages
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.read import read_document

Pages = list[tuple[int, int]]


def pdf(count: int) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for page in range(count):
        canvas.drawString(72, 400, f"What stands on page {page}.")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def test_a_pdf_tells_of_every_page() -> None:
    told: Pages = []

    read_document(io.BytesIO(pdf(12)), "a.pdf", ParsingLimits(), lambda *done: told.append(done))

    assert told == [(page, 12) for page in range(1, 13)]


def test_a_second_passes_between_two_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 0.4, 0.9, 1.0, 1.5, 2.2])
    monkeypatch.setattr(pages.time, "monotonic", lambda: next(moments))
    told: Pages = []
    note = pages.NowAndThen(lambda *done: told.append(done))

    for page in range(1, 6):
        note(page, 9)

    assert told == [(3, 9), (5, 9)]


@pytest.mark.parametrize("pages", [(0, 0), (3, 9), (2**31, 2**31)])
def test_a_note_comes_back_from_the_wire(pages: tuple[int, int]) -> None:
    assert unpack_pages(frame(pack_pages(*pages))[4:]) == pages


@pytest.mark.parametrize("values", [(2, 1), (-1, 1), (1, 2**40), ("1", 2), (1,), 7, None])
def test_impossible_pages_are_refused(values: object) -> None:
    with pytest.raises(ValueError, match="no number of pages"):
        unpack_pages(frame({"pages": values})[4:])


def test_a_message_too_long_for_a_note_is_none() -> None:
    assert unpack_pages(frame({"pages": (1, 2), "more": "words" * 9})[4:]) is None
