"""Text to search terms: words of any script, stems, names that are no words, and n-grams where no spaces are written."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import chain

from rag_service.domain.remembered import remembers_text
from rag_service.embedding.function_words import languages_of
from rag_service.embedding.identifiers import pieces_of, wholes_of, words_within
from rag_service.embedding.stemming import LATIN_LANGUAGES, SNOWBALL_VERSION, stem, stem_in, without_accents
from rag_service.embedding.stop_words import ENGLISH
from rag_service.embedding.unspaced import HAN_KANA, MARKS, THAI_KHMER, grams, is_unspaced, shorter_grams

VERSION = f"words-2-snowball-{SNOWBALL_VERSION}"
"""Change it whenever a text could get other terms than before: it is part of every build's fingerprint."""

_CACHED_TOKENS = 2**17
# Runs without spaces hardly ever come again, nor do long names, and each has many terms.
_CACHED_CHARACTERS = 32
_FIRST_UNSPACED = "\u0e00"
_PASSAGE_HITS, _QUERY_HITS = 3, 1  # different function words that tell a language

# Combining marks are parts of words (Hindi, Arabic), but `\w` leaves them out.
_LETTER = rf"(?:(?![{HAN_KANA}{THAI_KHMER}])[\w{MARKS}])"
# Words joined as in err-1042, max_tokens, a/b, 1,000, jane@example.com, std::vector; also c++ and c#.
_NAME = r"{letter}+(?:[-./:,@&\\]:?{letter}+)*(?:\+\+|#)?"
# Names with a sign before them, as #release, come last: at most places there is none to be looked for.
_SPACED = _NAME + r"|(?<!\S)[.#@]" + _NAME
_ASCII_TOKEN = re.compile(_SPACED.format(letter=r"\w"), re.ASCII)
_SIMPLE_TOKEN = re.compile(_SPACED.format(letter=r"\w"))
_TOKEN = re.compile(rf"[{HAN_KANA}]+|[{THAI_KHMER}]+|" + _SPACED.format(letter=_LETTER))
_ASCII_PARTS = re.compile(r"[a-zA-Z0-9]+")
_PARTS = re.compile(rf"(?:(?!_){_LETTER})+")

_NOT_ASCII = re.compile(r"[^\0-\x7f]")
# Latin, Greek and Cyrillic letters, punctuation and symbols: `\w` finds their words, and several times as fast.
_SIMPLE_RANGES = ((0x80, 0x300), (0x370, 0x483), (0x48A, 0x530), (0x1E00, 0x20D0), (0x2100, 0x2C00))
_SIMPLE = frozenset(chr(code) for first, end in _SIMPLE_RANGES for code in range(first, end))

_BEYOND_ASCII = [(code, unicodedata.category(chr(code))) for code in range(0x80, 0x20000)]
_DIGITS = {code: str(unicodedata.decimal(chr(code))) for code, category in _BEYOND_ASCII if category == "Nd"}
_VARIATION_SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))  # between the characters of a name in Han
_INVISIBLE = dict.fromkeys([*(code for code, category in _BEYOND_ASCII if category == "Cf"), *_VARIATION_SELECTORS])
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212"), "-")
_REWRITTEN = _DIGITS | _INVISIBLE | _HYPHENS
_REWRITTEN_CHARACTERS = frozenset(map(chr, _REWRITTEN))

_Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PassageTerms:
    """Terms as stable 32-bit numbers, repeated as often as they occur.

    `counted` are those of the words; `besides` are other forms under which they are found, which make a passage no longer.
    """

    counted: list[int]
    besides: list[int]


def passage_terms(text: str) -> PassageTerms:
    """Return the terms under which a passage is found."""
    tokens = _tokens(text)
    besides = list(
        chain.from_iterable(_besides(token) for token in tokens if not (token.islower() and token.isalpha()))
    )
    languages = languages_of(tokens, least=_PASSAGE_HITS)
    return PassageTerms(
        counted=list(chain.from_iterable(map(_words, tokens))),
        besides=besides + _language_stems(languages, tokens),
    )


def query_terms(text: str) -> set[int]:
    """Return the terms by which a query finds passages. Its words have one form: passages have the others."""
    tokens = _tokens(text)
    languages = languages_of(map(str.casefold, tokens), least=_QUERY_HITS)
    terms = chain(map(_words, tokens), map(_wholes, tokens), [_language_stems(languages, tokens)])
    return set(chain.from_iterable(terms))


def _tokens(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_TOKEN.findall(text)
    composed = unicodedata.normalize("NFKC", text)
    if not _REWRITTEN_CHARACTERS.isdisjoint(_NOT_ASCII.findall(composed)):
        composed = composed.translate(_REWRITTEN)
    return (_SIMPLE_TOKEN if _SIMPLE.issuperset(_NOT_ASCII.findall(composed)) else _TOKEN).findall(composed)


def _language_stems(languages: list[str], tokens: list[str]) -> list[int]:
    stemmed = [language for language in languages if language in LATIN_LANGUAGES]
    return list(chain.from_iterable(_stems_in(language, token) for language in stemmed for token in tokens))


def _is_cached(token: str) -> bool:
    return len(token) <= _CACHED_CHARACTERS and token[0] < _FIRST_UNSPACED


def _words(token: str) -> _Ids:
    """Return the terms of the words of a token."""
    return _cached_words(token) if _is_cached(token) else _all_words(token)


def _all_words(token: str) -> _Ids:
    if is_unspaced(token):
        return _ids_of(grams(token))
    return _ids_of(stem(part.casefold()) for part in _parts(token))


_cached_words = remembers_text(lru_cache(maxsize=_CACHED_TOKENS)(_all_words))


def _wholes(token: str) -> _Ids:
    if is_unspaced(token) or _parts(token) == [token]:
        return ()
    return _ids_of(map(_folded, wholes_of(token)))


def _besides(token: str) -> _Ids:
    """Return all terms of a token but those of its words."""
    return _cached_besides(token) if _is_cached(token) else _all_besides(token)


def _all_besides(token: str) -> _Ids:
    if is_unspaced(token):
        return _ids_of(shorter_grams(token))
    within = chain.from_iterable(map(words_within, _parts(token)))
    forms = {*_wholes(token), *_ids_of(map(_folded, chain(pieces_of(token), within)))}
    return tuple(forms.difference(_words(token)))


_cached_besides = remembers_text(lru_cache(maxsize=_CACHED_TOKENS // 2)(_all_besides))  # plain words are not among them


def _stems_in(language: str, token: str) -> _Ids:
    return _cached_stems(language, token) if _is_cached(token) else _all_stems(language, token)


def _all_stems(language: str, token: str) -> _Ids:
    if is_unspaced(token):
        return ()
    stems = (stem_in(language, part.casefold()) for part in _parts(token))
    # No token holds a space: this is a term of its own.
    return _ids_of(f"{language} {each}" for each in stems if each)


_cached_stems = remembers_text(lru_cache(maxsize=_CACHED_TOKENS // 2)(_all_stems))


def _parts(token: str) -> list[str]:
    return (_ASCII_PARTS if token.isascii() else _PARTS).findall(token)


def _folded(form: str) -> str:
    return stem(form.casefold()) if form.isalpha() else without_accents(form.casefold())


def _ids_of(terms: Iterable[str]) -> _Ids:
    return tuple(map(_id_of, terms))


def _id_of(term: str) -> int:
    return int.from_bytes(blake2b(term.encode(), digest_size=4).digest(), "little")


STOP_IDS = frozenset(chain.from_iterable(map(_words, ENGLISH)))
"""The terms of English stop words."""
