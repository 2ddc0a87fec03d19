"""Characters that readers cannot see do not enter canonical text: they hide instructions and break search."""

import unicodedata
from typing import Final

import regex  # type: ignore[import-untyped]  # stands for Unicode properties, which re lacks

_NEWLINES: Final = regex.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SURROGATES: Final = regex.compile(r"[\ud800-\udfff]")
# Controls but tab and newline; format characters (soft hyphen, zero width, bidi controls, tags) but the visible Arabic
# and Kaithi number signs and the two joiners; fillers; variation selectors but the two for emoji; noncharacters.
_INVISIBLE: Final = regex.compile(
    r"[\p{Cc}--[\t\n]]"
    r"|[\p{Cf}--[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\u200c\u200d]]"
    r"|[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0d\U000e0100-\U000e01ef]"
    r"|[\ufdd0-\ufdef\ufffe\uffff]",
    regex.V1,
)
_JOINING: Final = (
    r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f\p{M}\p{Arabic}\p{Syriac}\p{Nko}\p{Mongolian}\p{Devanagari}"
    r"\p{Bengali}\p{Gurmukhi}\p{Gujarati}\p{Oriya}\p{Tamil}\p{Telugu}\p{Kannada}\p{Malayalam}\p{Sinhala}\p{Myanmar}"
    r"\p{Khmer}\p{Tibetan}]"
)
_STRAY_JOINER: Final = regex.compile(rf"(?<!{_JOINING})[\u200c\u200d]|[\u200c\u200d](?!{_JOINING})", regex.V1)
_STRAY_SELECTOR: Final = regex.compile(
    r"(?<![\p{Emoji}\p{So}\p{Sm}])[\ufe0e\ufe0f]+|(?<=[\ufe0e\ufe0f])[\ufe0e\ufe0f]+", regex.V1
)
_MARKS: Final = regex.compile(r"(\p{M}{30})\p{M}+")  # as in Unicode's stream-safe format: no endless letter
_SPACES: Final = regex.compile(r"[\t\p{Zs}]+")
_OTHER_SPACE: Final = regex.compile(r"[\p{Zs}--[ ]]", regex.V1)
_BLANK_ENDS: Final = regex.compile(r" *\n *")
_MANY_NEWLINES: Final = regex.compile(r"\n{3,}")
_NEEDS_CARE: Final = regex.compile(r"[^\t\n -~]")


def clean(text: str) -> str:
    """Return `text` in NFC, without invisible characters; newlines are line feeds, lone surrogates are replaced."""
    if not _NEEDS_CARE.search(text):
        return text
    text = _NEWLINES.sub("\n", text)
    if not text.isascii():
        text = _SURROGATES.sub("\ufffd", text)
    text = str(_INVISIBLE.sub("", text))
    if text.isascii():
        return text
    text = _STRAY_SELECTOR.sub("", _STRAY_JOINER.sub("", text))
    return unicodedata.normalize("NFC", str(_MARKS.sub(r"\1", text)))


def flow(text: str) -> str:
    """Return clean running text: single spaces, at most one empty line in a row."""
    spaced = _BLANK_ENDS.sub("\n", _SPACES.sub(" ", text))
    return str(_MANY_NEWLINES.sub("\n\n", spaced)).strip()


def verbatim(text: str) -> str:
    """Return clean text whose lay-out counts: indentation stays, empty lines around it go."""
    lines = [line.rstrip() for line in _OTHER_SPACE.sub(" ", text).split("\n")]
    return "\n".join(lines).strip("\n")
