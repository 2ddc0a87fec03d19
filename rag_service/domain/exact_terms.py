"""What a question asks for to the letter: phrases in quotation marks, and names such as error codes."""

import re
import unicodedata
from dataclasses import dataclass

_QUOTED = re.compile(
    r'(?<!\w)"([^"]*)"(?!\w)|[\u201c\u201e]([^\u201c-\u201e]+)[\u201c\u201d]|\u00ab([^\u00ab\u00bb]+)\u00bb'
    r"|\u00bb([^\u00ab\u00bb]+)\u00ab|\u300c([^\u300c\u300d]+)\u300d|\u300e([^\u300e\u300f]+)\u300f"
)
_AT_ENDS = " .,;:!?\u2026"
_MAX_CHARS = 300
_MAX_TERMS = 8

_TOKEN = re.compile(r"\w+(?:[-./:@#\\&]+\w+)*")
_LETTER_AND_DIGIT = re.compile(r"[^\W\d_].*\d|\d.*[^\W\d_]")
_LONG_NUMBER = re.compile(r"\d(?:[-./:]?\d){4,}")
_NAME_IN_PROGRAMS = re.compile(r"\w_+\w|\w::\w|\w\\\w|[a-z][A-Z]|\w@\w|[^\W\d_]{2}\.[^\W\d_]{2}")
_PIECE = re.compile(r"[^\W\d_]+|\d+|_+|[^\w\s]+")
_OFTEN_LEFT_OUT = re.compile(r"[-_]+")
_ANY_GAP = "[-_ ]?"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactTerms:
    """Folded phrases, and patterns of identifiers that are looked for in folded texts."""

    phrases: tuple[str, ...]
    identifiers: tuple[re.Pattern[str], ...]

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.phrases or self.identifiers)


def exact_terms(question: str) -> ExactTerms:
    """Return what passages have to hold to the letter; nothing for most questions."""
    quoted = (folded(next(filter(None, match.groups()), "")).strip(_AT_ENDS) for match in _QUOTED.finditer(question))
    phrases = dict.fromkeys(phrase for phrase in quoted if any(map(str.isalnum, phrase)) and len(phrase) <= _MAX_CHARS)
    tokens = (token for token in _TOKEN.findall(unicodedata.normalize("NFKC", question)) if _is_identifier(token))
    patterns = dict.fromkeys(map(_pattern, tokens))
    return ExactTerms(
        phrases=tuple(phrases)[:_MAX_TERMS],
        identifiers=tuple(re.compile(pattern) for pattern in tuple(patterns)[:_MAX_TERMS]),
    )


def folded(text: str) -> str:
    """Return `text` without differences of case, width and white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def holds(phrase: str, text: str) -> bool:
    """Say whether a folded text has a folded phrase, not as the middle of other words."""
    start = text.find(phrase)
    while start >= 0:
        end = start + len(phrase)
        if not (_goes_on(text[start - 1 : start], phrase[0]) or _goes_on(phrase[-1], text[end : end + 1])):
            return True
        start = text.find(phrase, start + 1)
    return False


def _goes_on(before: str, after: str) -> bool:
    # Of letters beyond ASCII nobody can tell without a dictionary: Chinese and Thai have no spaces.
    return all(side.isascii() and side.isalnum() for side in (before, after))


def _is_identifier(token: str) -> bool:
    return len(token) <= _MAX_CHARS and any(
        sign.search(token) for sign in (_LETTER_AND_DIGIT, _LONG_NUMBER, _NAME_IN_PROGRAMS)
    )


def _pattern(token: str) -> str:
    """Return a pattern for all ways of writing an identifier: E-4711, e 4711 and E4711 are one."""
    pieces = _PIECE.findall(token.casefold())
    parts: list[str] = []
    for piece in pieces:
        if _OFTEN_LEFT_OUT.fullmatch(piece):
            parts.append(_ANY_GAP)
        elif piece.isalnum() and parts and parts[-1][-1:].isalnum():
            parts += [_ANY_GAP, piece]
        else:
            parts.append(re.escape(piece))
    return r"(?<![^\W_])" + "".join(parts) + r"(?![^\W_])"
