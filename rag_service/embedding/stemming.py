"""Words without their endings: by script, and in Latin script also by language."""

import threading
import unicodedata

import Stemmer

from rag_service.embedding.function_words import ENGLISH, FUNCTION_WORDS

LATIN_LANGUAGES = frozenset(FUNCTION_WORDS) - {ENGLISH, "vietnamese"}
"""Languages in Latin script that have a stemmer of their own here, but for English."""

SNOWBALL_VERSION = Stemmer.version()
"""Another version may give other stems."""


def _stemmer(language: str) -> Stemmer.Stemmer:
    # Its own memory of words would outlast their erasure, and saves no time below those that can be told to forget.
    return Stemmer.Stemmer(language, 0)


_LAST_LATIN = "\u024f"
_FIRST_VIETNAMESE = "\u1e00"
_STEMMED_SCRIPTS = (
    ("a", _LAST_LATIN, _stemmer(ENGLISH)),
    ("\u0370", "\u03ff", _stemmer("greek")),
    ("\u0400", "\u04ff", _stemmer("russian")),
    ("\u0600", "\u06ff", _stemmer("arabic")),
    ("\u0900", "\u097f", _stemmer("hindi")),
)
_OF_LANGUAGE = {language: _stemmer(language) for language in LATIN_LANGUAGES}
_stemming = threading.Lock()  # a stemmer serves one thread at a time
_UNDECOMPOSED = str.maketrans("ıłøđ", "ilod")  # letters that Unicode does not take for others with a mark


def stem(word: str) -> str:
    """Return a folded word without accents and without the ending of its script's commonest language."""
    plain = without_accents(word)
    for first, last, stemmer in _STEMMED_SCRIPTS:
        if first <= plain[0] <= last:
            with _stemming:
                return stemmer.stemWord(plain) or plain  # some words are nothing but an ending
    return plain


def stem_in(language: str, word: str) -> str | None:
    """Return a folded word without its ending in one of `LATIN_LANGUAGES`; None for what that language does not inflect.

    These are function words, and what is not a word in Latin script.
    """
    if word in FUNCTION_WORDS[language] or not ("a" <= word[0] <= _LAST_LATIN):
        return None
    with _stemming:
        return without_accents(_OF_LANGUAGE[language].stemWord(word) or word)


def without_accents(word: str) -> str:
    """Return a Latin word as people type it in a hurry; Vietnamese keeps its tones, which tell words apart."""
    if word.isascii() or word[0] > _LAST_LATIN or max(word) >= _FIRST_VIETNAMESE:
        return word
    decomposed = unicodedata.normalize("NFD", word.translate(_UNDECOMPOSED))
    return "".join(char for char in decomposed if not unicodedata.combining(char))
