"""Terms of scripts that put no space between words: overlapping n-grams of what is read as one character."""

import re
import unicodedata
from collections.abc import Iterator

HAN_KANA = r"\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
THAI_KHMER = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Myanmar and Khmer."""

MARKS = "".join(chr(code) for code in range(0x300, 0x1F000) if unicodedata.category(chr(code))[0] == "M")
"""Combining marks."""

_RUN = re.compile(rf"[{HAN_KANA}{THAI_KHMER}]")
_IS_HAN_KANA = re.compile(rf"[{HAN_KANA}]")
_CLUSTERS = re.compile(rf"[^{MARKS}]?[{MARKS}]+|[^{MARKS}]")  # a letter with what is written over and under it
_HAN_KANA_GRAM = 2
_THAI_KHMER_GRAM = 3  # an alphabet: pairs of its letters are in nearly every text


def is_unspaced(token: str) -> bool:
    """Say whether `token` is a run of such a script."""
    return _RUN.match(token) is not None


def grams(run: str) -> Iterator[str]:
    """Yield the n-grams by which a run is looked for; of a shorter run all of it."""
    clusters, n = _clusters(run)
    yield from _of_length(clusters, min(n, len(clusters)))


def shorter_grams(run: str) -> Iterator[str]:
    """Yield those by which only a run that is shorter than an n-gram is looked for."""
    clusters, n = _clusters(run)
    for shorter in range(1, min(n, len(clusters))):
        yield from _of_length(clusters, shorter)


def _clusters(run: str) -> tuple[list[str], int]:
    return _CLUSTERS.findall(run), _HAN_KANA_GRAM if _IS_HAN_KANA.match(run) else _THAI_KHMER_GRAM


def _of_length(clusters: list[str], n: int) -> Iterator[str]:
    return ("".join(clusters[at : at + n]) for at in range(len(clusters) - n + 1))
