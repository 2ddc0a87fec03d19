"""Formulas of office files on one line, as one types them: x^2, (a+b)/c, √(x), ∑_(n=1)^∞."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any, Final

from ingestion.parsing.office.ooxml import child_value, own
from ingestion.parsing.office.xml_parts import local

_ALONE: Final = re.compile(r"\d*|[^\W\d_]+|.|[(\[{][^()\[\]{}]*[)\]}]")  # needs no brackets
_STYLED_LETTERS: Final = re.compile("[\U0001d400-\U0001d7ff]+")
_ENDS_OPEN: Final = frozenset({"f", "sSup", "sSub", "sSubSup", "rad"})
_LEFT_OUT: Final = frozenset({"rPr", "ctrlPr", "del", "moveFrom"})


def formula(element: Any) -> str:
    """Return a formula, or a part of one; how letters are styled is left out."""
    text = _linear(element)
    return _STYLED_LETTERS.sub(lambda letters: unicodedata.normalize("NFKC", letters[0]), text)


def _linear(element: Any) -> str:
    if element is None:
        return ""
    name = local(element)
    if name == "t":
        return element.text or ""
    write = _WRITERS.get(name)
    return write(element) if write is not None else _joined(element)


def _joined(element: Any) -> str:
    pieces: list[str] = []
    before = ""
    for child in element:
        name = local(child)
        text = "" if name.endswith("Pr") or name in _LEFT_OUT else _linear(child)
        # Else what stands behind an exponent or a denominator would belong to it.
        pieces.append(f" {text}" if before in _ENDS_OPEN and text[:1].isalnum() else text)
        before = name if text else before
    return "".join(pieces)


def _argument(element: Any, name: str) -> str:
    return _linear(element.find(f"{{*}}{name}"))


def _grouped(text: str) -> str:
    text = text.strip()
    return text if _ALONE.fullmatch(text) else f"({text})"


def _property(element: Any, name: str, default: str) -> str:
    """Return a property of a construct; one that is given without a value is empty."""
    properties = element.find(f"{{*}}{local(element)}Pr")
    given = properties.find(f"{{*}}{name}") if properties is not None else None
    return own(given, "val") if given is not None else default


def _fraction(element: Any) -> str:
    # Without a bar it is a binomial coefficient.
    bar = "¦" if child_value(element.find("{*}fPr"), "type") == "noBar" else "/"
    return f"{_grouped(_argument(element, 'num'))}{bar}{_grouped(_argument(element, 'den'))}"


def _scripts(element: Any) -> str:
    below, above = _argument(element, "sub"), _argument(element, "sup")
    return (f"_{_grouped(below)}" if below else "") + (f"^{_grouped(above)}" if above else "")


def _scripted(element: Any) -> str:
    return f"{_grouped(_argument(element, 'e'))}{_scripts(element)}"


def _prescripted(element: Any) -> str:
    return f"{_scripts(element)} {_grouped(_argument(element, 'e'))}"


def _large_operator(element: Any) -> str:
    return f"{_property(element, 'chr', '∫')}{_scripts(element)} {_argument(element, 'e')}"


def _root(element: Any) -> str:
    degree = _argument(element, "deg")
    return f"√({degree}&{_argument(element, 'e')})" if degree else f"√{_grouped(_argument(element, 'e'))}"


def _bracketed(element: Any) -> str:
    inside = _property(element, "sepChr", "|").join(_linear(part) for part in element.iterfind("{*}e"))
    return f"{_property(element, 'begChr', '(')}{inside}{_property(element, 'endChr', ')')}"


def _function(element: Any) -> str:
    argument = _argument(element, "e").strip()
    return f"{_argument(element, 'fName')}{argument if argument.startswith('(') else f'({argument})'}"


def _accented(element: Any) -> str:
    base, accent = _argument(element, "e"), _property(element, "chr", "\u0302")
    return base + accent if len(base) == 1 and unicodedata.combining(accent or " ") else base


def _limit(sign: str) -> Callable[[Any], str]:
    return lambda element: f"{_argument(element, 'e')}{sign}{_grouped(_argument(element, 'lim'))} "


def _matrix(element: Any) -> str:
    rows = (", ".join(_linear(cell) for cell in row.iterfind("{*}e")) for row in element.iterfind("{*}mr"))
    return f"[{'; '.join(rows)}]"


def _equations(element: Any) -> str:
    return "; ".join(_linear(line) for line in element.iterfind("{*}e"))


_WRITERS: Final[dict[str, Callable[[Any], str]]] = {
    "f": _fraction, "sSup": _scripted, "sSub": _scripted, "sSubSup": _scripted, "sPre": _prescripted, "nary": _large_operator,
    "rad": _root, "d": _bracketed, "func": _function, "acc": _accented, "limLow": _limit("_"), "limUpp": _limit("^"),
    "m": _matrix, "eqArr": _equations,
}  # fmt: skip
