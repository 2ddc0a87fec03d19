"""The notes and comments of a Word file, each found by the reference to it and read once."""

from collections.abc import Callable
from typing import Any, Final

from ingestion.parsing.office.docx_numbers import written
from ingestion.parsing.office.ooxml import ON, own
from ingestion.parsing.office.xml_parts import local

_PARTS: Final = {
    "footnoteReference": ("footnotes", "footnote"),
    "endnoteReference": ("endnotes", "endnote"),
    "commentReference": ("comments", "comment"),
}
_FORMS: Final = {"endnoteReference": "lowerRoman"}  # as Word writes them, unless told otherwise


class Notes:
    """Counts references and gives what they refer to."""

    def __init__(self, part_of_kind: Callable[[str], Any]) -> None:
        """`part_of_kind` gives the root of the part that holds all "footnotes", "comments" …, None without one."""
        self._part_of_kind = part_of_kind
        self._notes: dict[str, dict[str, Any]] = {}
        self._counts: dict[str, int] = {}

    def label(self, reference: Any) -> str:
        """Return what stands for a note in the text; nothing when the text has a mark of its own for it."""
        if own(reference, "customMarkFollows") in ON:
            return ""
        kind = local(reference)
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return written(self._counts[kind], _FORMS.get(kind, "decimal"))

    def taken(self, reference: Any) -> Any:
        """Return the note or comment that is referred to, the first time; None else, and when there is none."""
        kind = local(reference)
        if kind not in self._notes:
            self._notes[kind] = self._read(*_PARTS[kind])
        return self._notes[kind].pop(own(reference, "id"), None)

    def _read(self, part: str, name: str) -> dict[str, Any]:
        root = self._part_of_kind(part)
        return {own(note, "id"): note for note in root.iterfind(f"{{*}}{name}")} if root is not None else {}
