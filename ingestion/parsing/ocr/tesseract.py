"""Runs the program tesseract: a picture in, lines of text out. The only file that knows it."""

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from ingestion.parsing.pdf_layout import Line
from ingestion.parsing.pdf_margins import EDGE
from ingestion.parsing.programs import die_with_the_parser

POINTS_PER_INCH = 72
LEAST_CONFIDENCE = 40
"""Of 100: below it a line is what tesseract makes of lines and spots in pictures."""

_COLUMNS = 12  # of its table: level, page, block, paragraph, line, word, left, top, width, height, confidence, text
_WORD = 5
_CELL_GAP = 1.5  # of the line's height; its box ends where the ink does
_BULLET = "¢"  # what it reads for a bullet

_LISTING_S = 30
_ENVIRONMENT = {"OMP_THREAD_LIMIT": "1"}  # its threads would take turns on the cores that others work on


class RecognitionFailed(Exception):
    """Tesseract could not read a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A page as shades of grey in the format PGM; its height in points."""

    pgm: bytes
    pixels_per_point: float
    page_height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    place: tuple[int, ...]  # block, paragraph and line
    left: float
    top: float
    right: float
    bottom: float
    confidence: float
    text: str


def recognised(program: str, languages: str, picture: Picture, *, timeout_s: float) -> tuple[list[Line], float]:
    """Return the lines of a picture, in points, and how sure tesseract is of them, of 100.

    Their size is 0: nobody measured a font, so none becomes a heading.

    Raises:
        RecognitionFailed: it crashed, or it found no such language.
        TimeoutError: it has been ended.
    """
    words = _words(_run(program, languages, picture, timeout_s), picture.pixels_per_point)
    lines: list[Line] = []
    kept: list[_Word] = []
    paragraphs: dict[tuple[int, ...], int] = {}
    for place, group in groupby(words, key=lambda word: word.place):
        of_line = list(group)
        if _confidence(of_line) >= LEAST_CONFIDENCE and any(char.isalnum() for word in of_line for char in word.text):
            paragraph = paragraphs.setdefault(place[:2], len(paragraphs))
            lines.append(_line(of_line, paragraph, picture.page_height))
            kept += of_line
    return lines, _confidence(kept)


def installed_languages(program: str) -> frozenset[str]:
    """Return the languages that tesseract has; none when it cannot say."""
    command = [program, "--list-langs"]
    try:
        listed = subprocess.run(  # noqa: S603  (the operator's program)
            command, capture_output=True, text=True, check=True, timeout=_LISTING_S, env=_ENVIRONMENT
        )
    except (subprocess.SubprocessError, OSError):
        return frozenset()
    return frozenset(listed.stdout.splitlines()[1:])


def _run(program: str, languages: str, picture: Picture, timeout_s: float) -> str:
    # Segmentation 1 also finds out how the page was turned when it was scanned.
    dots_per_inch = round(picture.pixels_per_point * POINTS_PER_INCH)
    command = [program, "stdin", "stdout", "-l", languages, "--psm", "1", "--dpi", str(dots_per_inch)]
    try:
        done = subprocess.run(  # noqa: S603  (the operator's program, and nothing of the file in its arguments)
            [*command, "-c", "tessedit_create_tsv=1"],
            input=picture.pgm,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=True,
            env=_ENVIRONMENT,
            preexec_fn=die_with_the_parser,  # this process has one thread
        )
    except subprocess.TimeoutExpired as exc:
        raise TimeoutError from exc
    except (subprocess.SubprocessError, OSError) as exc:
        raise RecognitionFailed from exc
    return done.stdout.decode(errors="replace")


def _words(table: str, pixels_per_point: float) -> Iterable[_Word]:
    for row in table.splitlines():
        fields = row.split("\t")
        if len(fields) == _COLUMNS and fields[0] == str(_WORD) and fields[-1].strip():
            left, top, width, height = (float(field) / pixels_per_point for field in fields[6:10])
            yield _Word(
                place=tuple(map(int, fields[2:5])),
                left=left,
                top=top,
                right=left + width,
                bottom=top + height,
                confidence=float(fields[10]),
                text=fields[11].strip(),
            )


def _confidence(words: Sequence[_Word]) -> float:
    chars = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / chars if chars else 0.0


def _line(words: Sequence[_Word], paragraph: int, page_height: float) -> Line:
    left, top = min(word.left for word in words), min(word.top for word in words)
    right, bottom = max(word.right for word in words), max(word.bottom for word in words)
    texts = ["•" if number == 0 and word.text == _BULLET else word.text for number, word in enumerate(words)]
    is_rotated = bottom - top > right - left and len(words) > 1
    return Line(
        text=" ".join(texts),
        left=round(left, 1),
        top=round(top, 1),
        right=round(right, 1),
        bottom=round(bottom, 1),
        size=0.0,
        is_rotated=is_rotated,
        is_at_edge=not is_rotated and (top < page_height * EDGE or bottom > page_height * (1 - EDGE)),
        cells=_cells(words, texts, gap=_CELL_GAP * (bottom - top)),
        paragraph=paragraph,
    )


def _cells(words: Sequence[_Word], texts: Sequence[str], *, gap: float) -> tuple[str, ...]:
    cells = [texts[0]]
    for (before, word), text in zip(pairwise(words), texts[1:], strict=True):
        if word.left - before.right > gap:
            cells.append(text)
        else:
            cells[-1] += f" {text}"
    return tuple(cells)
