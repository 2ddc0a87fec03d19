"""The words that tell groups of texts apart, by class-based TF-IDF (Grootendorst 2022). Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

from rag_service.domain.words import STOP_WORDS, forgettable_words, stem

MOST_WORDS = 4
_FEWEST_TEXTS, _LEAST_SHARE = 2, 0.2
"""A word that is in fewer texts of a group, however rare elsewhere, tells of these texts and not of the group."""

_Counts = Counter[str]


@dataclass(frozen=True, slots=True)
class _Said:
    """What a group of texts says: in how many of them a stem is, and how often a word with its stem."""

    stems: _Counts
    forms: Counter[tuple[str, str]]


def telling_words(groups: Sequence[Sequence[str]], rest: Sequence[str] = ()) -> list[tuple[str, ...]]:
    """Return for each group of texts the words that are frequent there and rare in the others, the best first.

    `rest` belongs to no group, and counts as one more. Endings do not matter: the commonest form of a word is shown.
    """
    said = [_said(texts) for texts in (*groups, rest)]
    everywhere = _Counts()
    for each in said:
        everywhere.update(each.stems)
    mean_length = everywhere.total() / max(1, sum(1 for each in said if each.stems))
    return [_best(each, len(texts), everywhere, mean_length) for each, texts in zip(said, groups, strict=False)]


def _best(said: _Said, text_count: int, everywhere: _Counts, mean_length: float) -> tuple[str, ...]:
    counts = said.stems

    def weight(found: str) -> float:
        return counts[found] * log(1 + mean_length / everywhere[found])

    shared = [found for found in counts if counts[found] >= max(_FEWEST_TEXTS, text_count * _LEAST_SHARE)]
    best = sorted(shared or counts, key=lambda found: (-weight(found), found))[:MOST_WORDS]
    commonest: dict[str, str] = {}
    for found, word in sorted(said.forms, key=lambda form: (-said.forms[form], form)):
        commonest.setdefault(found, word)
    return tuple(commonest[found] for found in best)


def _said(texts: Iterable[str]) -> _Said:
    said = _Said(_Counts(), Counter())
    for text in texts:
        forms = [(stem(word), word) for word in forgettable_words(text) if word not in STOP_WORDS]
        said.forms.update(forms)
        # Once for each text: one question that repeats itself does not name the others.
        said.stems.update({found for found, _ in forms})
    return said
