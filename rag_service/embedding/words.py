"""Text to search terms: words of any script, stems, identifiers, and character pairs where no spaces are written."""

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import chain, pairwise

import Stemmer

from rag_service.embedding.stop_words import ENGLISH

VERSION = "words-1"
"""Change it whenever a text could get other terms than before: it is part of every build's fingerprint."""

_CACHED_TOKENS = 2**17

# Thai, Lao, Myanmar, Khmer, kana, Han and its extensions.
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
)
# Combining marks are parts of words (Hindi, Thai, Arabic), but `\w` leaves them out.
_MARKS = "".join(chr(code) for code in range(0x300, 0x1F000) if unicodedata.category(chr(code))[0] == "M")
_WORD = rf"[\w{_MARKS}]"

# A word, or words joined as in err-1042, v2.1, max_tokens, a/b, 1,000; also c++ and c#.
_TOKEN = re.compile(rf"{_WORD}+(?:[-./:,]{_WORD}+)*(?:\+\+|#)?")
_ASCII_TOKEN = re.compile(r"\w+(?:[-./:,]\w+)*(?:\+\+|#)?", re.ASCII)
_PARTS = re.compile(rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}_]){_WORD})+")
_ASCII_PARTS = re.compile(r"[a-z0-9]+", re.ASCII)
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_IDENTIFIER = re.compile(r"[\d_+#]")

_LAST_LATIN = "\u024f"
_FIRST_VIETNAMESE = "\u1e00"
_STEMMED_SCRIPTS = (
    ("a", _LAST_LATIN, Stemmer.Stemmer("english")),
    ("\u0370", "\u03ff", Stemmer.Stemmer("greek")),
    ("\u0400", "\u04ff", Stemmer.Stemmer("russian")),
    ("\u0600", "\u06ff", Stemmer.Stemmer("arabic")),
    ("\u0900", "\u097f", Stemmer.Stemmer("hindi")),
)
_stemming = threading.Lock()  # a stemmer serves one thread at a time


def term_ids(text: str) -> list[int]:
    """Return the terms of `text` as stable 32-bit numbers, repeated as often as they occur."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    pattern = _ASCII_TOKEN if folded.isascii() else _TOKEN
    return list(chain.from_iterable(map(_ids_of_token, pattern.findall(folded))))


@lru_cache(maxsize=_CACHED_TOKENS)
def _ids_of_token(token: str) -> tuple[int, ...]:
    return tuple(_id_of(term) for term in _terms_of_token(token))


def _terms_of_token(token: str) -> Iterator[str]:
    """Yield the terms of the token's parts, and the whole token when it looks like an identifier."""
    parts = (_ASCII_PARTS if token.isascii() else _PARTS).findall(token)
    for part in parts:
        if _IS_UNSPACED.match(part):
            yield from _pairs(part)
        else:
            yield _stem(_without_accents(part))
    if parts != [token] and _IDENTIFIER.search(token):
        yield token


def _pairs(run: str) -> Iterator[str]:
    """Yield overlapping character pairs; a single character stands for itself."""
    if len(run) == 1:
        yield run
    for left, right in pairwise(run):
        yield left + right


def _without_accents(word: str) -> str:
    """Return a Latin word as people type it in a hurry; Vietnamese keeps its tones, which tell words apart."""
    if word.isascii() or word[0] > _LAST_LATIN or max(word) >= _FIRST_VIETNAMESE:
        return word
    return "".join(char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))


def _stem(word: str) -> str:
    for first, last, stemmer in _STEMMED_SCRIPTS:
        if first <= word[0] <= last:
            with _stemming:
                return stemmer.stemWord(word) or word  # some words are nothing but an ending
    return word


def _id_of(term: str) -> int:
    return int.from_bytes(blake2b(term.encode(), digest_size=4).digest(), "little")


STOP_IDS = frozenset(chain.from_iterable(map(_ids_of_token, ENGLISH)))
"""The terms of English stop words."""
