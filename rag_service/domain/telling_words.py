"""The words that tell groups of texts apart, by class-based TF-IDF (Grootendorst 2022). Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log

from rag_service.domain.words import STOP_WORDS, forgettable_words, stem

MOST_WORDS = 4
_FEWEST_TEXTS, _LEAST_SHARE = 2, 0.2
"""A word that is in fewer texts of a group, however rare elsewhere, tells of these texts and not of the group."""

_Counts = Counter[str]


def telling_words(groups: Sequence[Sequence[str]], rest: Sequence[str] = ()) -> list[tuple[str, ...]]:
    """Return for each group of texts the words that are frequent there and rare in the others, the best first.

    `rest` belongs to no group, and counts as one more. Endings do not matter: the commonest form of a word is shown.
    """
    counts = [_stems(texts) for texts in (*groups, rest)]
    everywhere = _Counts(found for each in counts for found in each.elements())
    mean_length = everywhere.total() / max(1, sum(1 for each in counts if each))
    return [_best(each, texts, everywhere, mean_length) for each, texts in zip(counts, groups, strict=False)]


def _best(counts: _Counts, texts: Sequence[str], everywhere: _Counts, mean_length: float) -> tuple[str, ...]:
    def weight(found: str) -> float:
        return counts[found] * log(1 + mean_length / everywhere[found])

    shared = [found for found in counts if counts[found] >= max(_FEWEST_TEXTS, len(texts) * _LEAST_SHARE)]
    best = sorted(shared or counts, key=lambda found: (-weight(found), found))[:MOST_WORDS]
    forms = _forms(texts)
    return tuple(min(forms[found], key=lambda word: (-forms[found][word], word)) for found in best)


def _stems(texts: Iterable[str]) -> _Counts:
    # Once for each text: one question that repeats itself does not name the others.
    return _Counts(found for text in texts for found in {stem(word) for word in _content_words(text)})


def _forms(texts: Iterable[str]) -> dict[str, _Counts]:
    forms: dict[str, _Counts] = {}
    for text in texts:
        for word in _content_words(text):
            forms.setdefault(stem(word), _Counts())[word] += 1
    return forms


def _content_words(text: str) -> list[str]:
    return [word for word in forgettable_words(text) if word not in STOP_WORDS]
