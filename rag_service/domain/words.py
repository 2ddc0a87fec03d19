"""Words of a text, for comparing texts by what they say: case, endings and width do not matter."""

import re
import unicodedata
from functools import lru_cache

from rag_service.domain.remembered import remembers_text

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*(?:[.,](?=\d)\d+)*", re.UNICODE)
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def word_set(listed: str) -> frozenset[str]:
    """Return the words of a list written as one string."""
    return frozenset(listed.split())


STOP_WORDS = word_set(
    "a about above after again all also am an and any are as at be because been before being below between both but by "
    "can could did do does doing down during each few for from further had has have having he her here hers him his how "
    "i if in into is it its itself just me more most my no nor not of off on once only or other our out over own same "
    "she should so some such than that the their them then there these they this those through to too under until up "
    "us very was we were what when where which while who whom whose why will with would you your s t d ll ve re "
    "may might must shall upon per via please tell give explain describe list name"
)

_SUFFIXES = (
    ("ational", "ate"), ("ization", "ize"), ("isation", "ize"), ("fulness", "ful"), ("ousness", "ous"),
    ("iveness", "ive"), ("ation", "ate"), ("ments", ""), ("ment", ""), ("ness", ""), ("ingly", ""), ("edly", ""),
    ("ings", ""), ("ing", ""), ("ied", "y"), ("ies", "y"), ("ers", "er"), ("ed", ""), ("ly", ""), ("sses", "ss"),
    ("es", ""), ("s", ""),
)  # fmt: skip
_SHORTEST_STEM = 3


def words(text: str) -> tuple[str, ...]:
    """Return the words of `text` in order, lower-cased; scripts without spaces give pairs of characters."""
    return _words(text)


def forgettable_words(text: str) -> tuple[str, ...]:
    """Return what `words` does, and remember nothing: for texts that are long, or that are being erased."""
    return _words.__wrapped__(text)


def stems(text: str) -> tuple[str, ...]:
    """Return the stems of the words of `text`, in order."""
    return _stems(text)


def content_stems(text: str) -> list[str]:
    """Return the stems of the words that carry meaning, in order, each once."""
    return list(dict.fromkeys(stem(word) for word in words(text) if word not in STOP_WORDS))


# One question compares the same few sentences again and again.
@remembers_text
@lru_cache(maxsize=2048)
def _words(text: str) -> tuple[str, ...]:
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    found: list[str] = []
    for word in _WORD.findall(folded):
        found += _pairs(word) if _UNSPACED.search(word) else [word.removesuffix("'s")]
    return tuple(found)


@remembers_text
@lru_cache(maxsize=2048)
def _stems(text: str) -> tuple[str, ...]:
    return tuple(stem(word) for word in _words(text))


@remembers_text
@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return `word` without its English ending; a rough rule, the same for both sides of a comparison."""
    if not word.isascii() or not word.isalpha() or word.endswith("ss"):
        return word
    for suffix, replacement in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return _tidy(word[: -len(suffix)] + replacement)
    return _tidy(word)


def _tidy(stemmed: str) -> str:
    # "running" and "run", "make" and "making" meet here.
    if len(stemmed) > _SHORTEST_STEM and stemmed[-1] == stemmed[-2] and stemmed[-1] not in "aeiouls":
        return stemmed[:-1]
    return stemmed[:-1] if len(stemmed) > _SHORTEST_STEM and stemmed.endswith("e") else stemmed


def _pairs(word: str) -> list[str]:
    return [word[index : index + 2] for index in range(len(word) - 1)] or [word]
