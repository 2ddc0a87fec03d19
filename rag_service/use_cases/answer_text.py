"""The message as it grows: units, their marks, and citations whose offsets are exact in it."""

import re

from rag_service.domain.answers import Citation, UnitEmitted, cite
from rag_service.domain.marks import written_marks
from rag_service.domain.spans import Span
from rag_service.ports.unit_checker import CheckedUnit, Verdict

_CODE = re.compile(r"`{3,}|~{3,}")


class AnswerText:
    """Puts checked units together. White space between units is written before the next one, never at the end."""

    def __init__(self) -> None:
        self.text = ""
        self.dropped = 0
        self._citations: list[Citation] = []
        self._gap = ""
        self._in_table = False

    @property
    def citations(self) -> tuple[Citation, ...]:
        """All citations so far, in order."""
        return tuple(self._citations)

    def add(self, unit: CheckedUnit) -> UnitEmitted | None:
        """Return what to send of `unit`: nothing when it may not leave."""
        body = unit.text.strip()
        indent = unit.text[: len(unit.text) - len(unit.text.lstrip())]
        trail = unit.text[len(unit.text.rstrip()) :]
        emitted = self._emit(unit, body, indent.rpartition("\n")[2])
        if unit.verdict is Verdict.DROPPED:
            self.dropped += 1
        self._gap = trail if emitted else _wider(self._gap, trail)
        return emitted

    def add_fixed(self, text: str) -> UnitEmitted:
        """Append one of our own templates, which needs no citation."""
        emitted = UnitEmitted(text=(self._gap if self.text else "") + text)
        self.text += emitted.text
        self._gap = ""
        return emitted

    def _emit(self, unit: CheckedUnit, body: str, indent: str) -> UnitEmitted | None:
        is_row = body.startswith("|")
        if unit.supports:
            self._in_table = is_row
            return self._cited(unit, body, indent)
        # The line under a table's head says nothing, but without it the table is none.
        if unit.verdict is Verdict.LAYOUT and is_row and self._in_table:
            return self.add_fixed(body)
        return None

    def _cited(self, unit: CheckedUnit, body: str, indent: str) -> UnitEmitted:
        opening = self._opening(indent)
        core, closing = _around_marks(body)
        start = len(self.text) + len(opening)
        span = Span(start, start + len(core))
        citations = tuple(
            cite(support.passage, support.quote, answer_span=span, support=support.score) for support in unit.supports
        )
        marks = written_marks(tuple(dict.fromkeys(citation.number for citation in citations)))
        emitted = UnitEmitted(text=f"{opening}{core}{_before_marks(core)}{marks}{closing}", citations=citations)
        self.text += emitted.text
        self._citations += citations
        return emitted

    def _opening(self, indent: str) -> str:
        if not self.text:
            return ""
        return self._gap + indent if "\n" in self._gap else self._gap


def _around_marks(body: str) -> tuple[str, str]:
    """What comes before the marks and what behind: in a table row they stand inside the last cell."""
    if body.startswith("|") and body.endswith("|") and len(body) > 1:
        return body[:-1].rstrip(), " |"
    return body, ""


def _before_marks(core: str) -> str:
    # A closing fence must be alone on its line.
    return "\n" if _CODE.match(core) else " "


def _wider(one: str, other: str) -> str:
    return max(one, other, key=lambda gap: (gap.count("\n"), len(gap)))
