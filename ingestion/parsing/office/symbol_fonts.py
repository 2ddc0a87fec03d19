"""Characters that office files name by their place in a symbol font."""

import sys
from typing import Final

_PRIVATE: Final = 0xF000  # where the places of symbol fonts lie in Unicode
_PLACES: Final = 0x100

# The places from 0x21 on, after Adobe's encoding of the font; a blank where Unicode has nothing to show.
_SYMBOL: Final = dict(
    enumerate(
        "!∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_ αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",
        start=0x21,
    )
) | dict(
    enumerate(
        "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈… ―↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑",
        start=0xA0,
    )
)
_WINGDINGS: Final = {
    0x22: "✂", 0x28: "☎", 0x2A: "✉", 0x41: "✌", 0x43: "👍", 0x44: "👎", 0x4A: "☺", 0x4B: "😐", 0x4C: "☹", 0x4E: "☠", 0x6C: "●",
    0x6E: "■", 0x6F: "□", 0x71: "❑", 0x72: "❒", 0x75: "◆", 0x76: "❖", 0xA1: "○", 0xA7: "▪", 0xA8: "□", 0xAB: "★", 0xD8: "➢",
    0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE7: "←", 0xE8: "→", 0xE9: "↑", 0xEA: "↓", 0xEF: "⇦", 0xF0: "⇨", 0xF3: "⬄",
    0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
_WINGDINGS_2: Final = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0xA3: "□"}
_FONTS: Final = {"symbol": _SYMBOL, "wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2}


def symbol(font: str, place: str) -> str:
    """Return the character at a place, in hexadecimal digits, of a font; nothing when it stands for none."""
    try:
        number = int(place, 16)
    except ValueError:
        return ""
    shown = _FONTS.get(font.lower())
    if shown is not None:
        return shown.get(number - _PRIVATE if number >= _PRIVATE else number, "")
    is_private = _PRIVATE <= number < _PRIVATE + _PLACES
    return "" if is_private or not 0 < number <= sys.maxunicode else chr(number)
