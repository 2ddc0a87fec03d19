"""Text recognition for one file and the files inside it: what is left of its time, and what becomes of each page."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.ocr.tesseract import Picture, RecognitionFailed, recognised
from ingestion.parsing.pdf_layout import Line
from ingestion.parsing.pdf_margins import is_stamp

DOUBTFUL_CONFIDENCE = 80
"""Of 100: below it one word in ten is wrong, or more. Clean scans have 92 and more."""

GOOD = ""
UNREAD = "not read, because text recognition (tesseract) is not installed or is switched off"
LATE = "text recognition was stopped because it took too long"
FAILED = "text recognition failed"
WORDLESS = "no text was recognised"
DOUBTFUL = "recognised with many doubts; some words may be wrong"

_KILLED_AFTER_S = 5.0


class Recogniser:
    """Recognises pages, within a time that is not the document's own.

    `languages` are those that pages were recognised in, empty when they had to be left unread, None without such pages.
    """

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits
        self._left_s = limits.ocr_file_timeout_s
        self.languages: str | None = None

    def read(self, draw: Callable[[], Picture]) -> tuple[list[Line], str]:
        """Return the lines of the page that `draw` makes a picture of, and what is to be said about it, if anything."""
        self.languages = self._limits.ocr_languages if self._limits.ocr_program else ""
        if not self._limits.ocr_program:
            return [], UNREAD
        if self._left_s <= 0:
            return [], LATE
        try:
            with self._on_own_time() as until:
                lines, confidence = self._recognised(draw(), until)
        except TimeoutError:
            return [], LATE
        except RecognitionFailed:
            return [], FAILED
        lines = [line for line in lines if not is_stamp(line)]
        if not lines:
            return [], WORDLESS
        return lines, GOOD if confidence >= DOUBTFUL_CONFIDENCE else DOUBTFUL

    def _recognised(self, picture: Picture, until: float) -> tuple[list[Line], float]:
        left_s = max(until - time.monotonic(), 0.0)
        return recognised(self._limits.ocr_program, self._limits.ocr_languages, picture, timeout_s=left_s)

    @contextmanager
    def _on_own_time(self) -> Iterator[float]:
        """Stop the document's clock while a page is recognised; give the moment at which that must be over."""
        began = time.monotonic()
        limit_s = min(self._limits.ocr_page_timeout_s, self._left_s)
        # Drawing cannot be interrupted: when it hangs, the whole process ends.
        documents_s, _ = signal.setitimer(signal.ITIMER_REAL, limit_s + _KILLED_AFTER_S)
        try:
            yield began + limit_s
        finally:
            signal.setitimer(signal.ITIMER_REAL, documents_s)
            self._left_s -= time.monotonic() - began
