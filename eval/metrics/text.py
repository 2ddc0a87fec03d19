"""How close an answer's words are to the expected ones, as in SQuAD's own evaluation."""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

from eval.metrics.scores import Score, missing

NO_REFERENCE = "no expected answer is known"

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_MARK = re.compile(r"\s?\[\d+\]")


def without_marks(answer: str) -> str:
    """Return the answer without its citation marks."""
    return _MARK.sub("", answer).strip()


def exact_match(answer: str, expected: Sequence[str]) -> Score:
    """Return 1 when the answer is one of `expected`, apart from case, articles, punctuation and spaces."""
    return _best(lambda one: float(_normal(answer) == _normal(one)), expected)


def token_f1(answer: str, expected: Sequence[str]) -> Score:
    """Return the best F1 of shared words with one of `expected`."""
    return _best(lambda one: _f1(_normal(answer).split(), _normal(one).split()), expected)


def contains_answer(answer: str, expected: Sequence[str]) -> Score:
    """Return 1 when the words of one of `expected` occur in the answer, in order and next to each other."""
    return _best(lambda one: float(f" {_normal(one)} " in f" {_normal(answer)} "), expected)


def _best(score: Callable[[str], float], expected: Sequence[str]) -> Score:
    # An answer of punctuation alone, such as "%", has no words to compare.
    comparable = [one for one in expected if _normal(one)]
    return Score(max(map(score, comparable))) if comparable else missing(NO_REFERENCE)


def _normal(text: str) -> str:
    return " ".join(_ARTICLES.sub(" ", text.casefold().translate(_PUNCTUATION)).split())


def _f1(got: Sequence[str], wanted: Sequence[str]) -> float:
    shared = (Counter(got) & Counter(wanted)).total()
    return 2 * shared / (len(got) + len(wanted)) if shared else 0.0
