"""The text of a Word file's paragraphs: what their runs, fields, changes, pictures and formulas show."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ingestion.parsing.office.docx_notes import Notes
from ingestion.parsing.office.docx_pages import Pages
from ingestion.parsing.office.docx_styles import Styles
from ingestion.parsing.office.drawings import alternative_text
from ingestion.parsing.office.formulas import formula
from ingestion.parsing.office.ooxml import any_of, child_value, is_on, number_of, own
from ingestion.parsing.office.symbol_fonts import symbol
from ingestion.parsing.office.xml_parts import local

# Properties, what was deleted or moved elsewhere, codes of fields, how ruby is pronounced.
_LEFT_OUT: Final = frozenset(
    "pPr rPr tblPr tblGrid trPr tcPr sdtPr sdtEndPr del moveFrom delText instrText delInstrText rt OLEObject".split()
)
_CHARS: Final = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}
_OPENING: Final = tuple(" \t\n([{")
_BLOCKS: Final = frozenset({"p", "tc", "tbl"})
_VML_SHAPES: Final = frozenset({"shape", "rect", "roundrect", "oval", "group", "line", "polyline", "image"})
_REFERENCES: Final = frozenset({"footnoteReference", "endnoteReference"})
_ASIDES: Final = frozenset({"commentReference", "chart", "relIds"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What a paragraph refers to and is read behind it: a note under its label, a comment, a text box, a drawing."""

    element: Any
    label: str = ""


@dataclass(slots=True)
class Line:
    """The text of a paragraph or a cell. `page` is where its first word stands, None without pages."""

    pieces: list[str] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    page: int | None = None
    described: set[str] = field(default_factory=set)

    @property
    def text(self) -> str:
        """The text, as it was written."""
        return "".join(self.pieces)

    @property
    def flat(self) -> str:
        """The text without line breaks and doubled spaces."""
        return " ".join(self.text.split())


class TextReader:
    """Reads one paragraph after another; pages and the numbers of notes go on from each to the next."""

    def __init__(self, styles: Styles, notes: Notes, pages: Pages, mark_of: Callable[[Any], str]) -> None:
        """`mark_of` gives a paragraph its bullet or number."""
        self._styles = styles
        self._notes = notes
        self._mark_of = mark_of
        self._pages = pages
        self._fields: list[bool] = []  # of each open field: whether what it shows has begun
        self._codes = 0  # how many have not

    def paragraph(self, element: Any) -> Line:
        """Return the text of a paragraph; text boxes in it are asides."""
        return self._read(element, inside=False)

    def inside(self, element: Any) -> Line:
        """Return all text inside an element, such as a cell or a note."""
        return self._read(element, inside=True)

    def _read(self, element: Any, *, inside: bool) -> Line:
        line = Line()
        self._collect(element, line, inside=inside)
        line.page = line.page or self._pages.number
        # A field whose code goes on has no end; the text of the document is not its code.
        if self._codes:
            self._fields, self._codes = [shows for shows in self._fields if shows], 0
        return line

    def _collect(self, element: Any, line: Line, *, inside: bool) -> None:
        for child in element:
            name = local(child)
            if name == "r":
                if not self._is_hidden(child):
                    self._collect(child, line, inside=inside)
            elif name == "t":
                self._write(child.text or "", line)
            elif name in _CHARS:
                self._write(_CHARS[name], line)
            elif name and name not in _LEFT_OUT:
                self._collect_other(name, child, line, inside=inside)

    def _collect_other(self, name: str, child: Any, line: Line, *, inside: bool) -> None:
        if name == "lastRenderedPageBreak":
            self._pages.end()
        elif name == "fldChar":
            self._field(child, line)
        elif name == "sym":
            self._write(symbol(own(child, "font"), own(child, "char")), line)
        elif name == "oMath":
            self._write(f"{_space_before(line)}{formula(child)}", line)
        elif name in _REFERENCES:
            self._refer(child, line)
        elif name in _ASIDES or (name == "txbxContent" and not inside):
            line.asides.append(Aside(element=child))
        elif name == "AlternateContent":
            self._collect(_shown_alternative(child), line, inside=inside)
        elif name == "p" and self._styles.of(child_value(child.find("{*}pPr"), "pStyle")).is_hidden:
            pass
        elif name in _BLOCKS:
            self._write(f" {self._mark_of(child) if name == 'p' else ''}", line)
            self._collect(child, line, inside=inside)
            self._write(" ", line)
        else:
            self._describe(name, child, line)
            self._collect(child, line, inside=inside)

    def _write(self, text: str, line: Line) -> None:
        if self._codes:
            return
        if line.page is None and not text.isspace():
            line.page = self._pages.number
        line.pieces.append(text)

    def _is_hidden(self, run: Any) -> bool:
        properties = next(iter(run), None)
        if properties is None or local(properties) != "rPr":
            return False
        for one in properties:
            name = local(one)
            if name == "vanish":
                return is_on(one)
            if name == "rStyle" and self._styles.hides(own(one, "val")):
                return not any(local(other) == "vanish" and not is_on(other) for other in properties)
        return False

    def _field(self, element: Any, line: Line) -> None:
        match own(element, "fldCharType"):
            case "begin":
                self._write(_form_field(element.find("{*}ffData")), line)
                self._fields.append(False)
                self._codes += 1
            case "separate" if self._fields and not self._fields[-1]:
                self._fields[-1] = True
                self._codes -= 1
            case "end" if self._fields:
                self._codes -= not self._fields.pop()

    def _refer(self, element: Any, line: Line) -> None:
        if self._codes:
            return
        label = self._notes.label(element)
        line.pieces.append(f"[{label}]" if label else "")
        line.asides.append(Aside(element=element, label=label))

    def _describe(self, name: str, element: Any, line: Line) -> None:
        """Add the alternative text of a picture, once where several of its elements have it."""
        described = (
            element.get("descr") if name in ("docPr", "cNvPr") else element.get("alt") if name in _VML_SHAPES else None
        )
        text = alternative_text(described)
        if text and text not in line.described:
            line.described.add(text)
            self._write(f" {text} ", line)


def _space_before(line: Line) -> str:
    """Return what parts a formula from the text before it, where nothing does."""
    return "" if not line.pieces or line.pieces[-1].endswith(_OPENING) else " "


def _shown_alternative(element: Any) -> Iterable[Any]:
    """Return what is shown of the same in several forms: the first is the best, the last for old programs."""
    return next((choice for choice in element if len(choice)), ())


def _form_field(form: Any) -> str:
    """Return what a box to tick or a list to choose from shows."""
    if form is None:
        return ""
    box, choices = form.find("{*}checkBox"), form.find("{*}ddList")
    if box is not None:
        ticked = box.find("{*}checked")
        return "☒" if is_on(ticked if ticked is not None else box.find("{*}default")) else "☐"
    if choices is not None:
        entries = [any_of(entry, "val") for entry in choices.iterfind("{*}listEntry")]
        chosen = number_of(child_value(choices, "result") or child_value(choices, "default"))
        return entries[chosen] if 0 <= chosen < len(entries) else ""
    return ""
