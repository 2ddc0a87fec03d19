"""Where the gold words stand among what was found or cited."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag_service.domain.golden import GoldQuote

Held = Sequence[frozenset[GoldQuote]]
"""Of each excerpt, best first: the gold quotes it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Words of a document, by its key: a passage that was found, or a quote that is cited."""

    document_key: str
    text: str


def holds(text: str, quote: str) -> bool:
    """Say whether a text holds a quote, is a part of it, or has at least half of one that was cut in two.

    Case and white space do not count. Every text that is not empty holds the empty quote.
    """
    return _holds(folded(text), folded(quote))


def held_by(excerpts: Sequence[Excerpt], gold: Sequence[GoldQuote]) -> Held:
    """Return what each excerpt holds of its own document; a gold quote without text stands for the whole document."""
    wanted = [(quote, folded(quote.text)) for quote in gold]
    return [
        frozenset(
            quote for quote, words in wanted if quote.document_key == excerpt.document_key and _holds(text, words)
        )
        for excerpt, text in ((excerpt, folded(excerpt.text)) for excerpt in excerpts)
    ]


def first_rank(held: Held) -> int | None:
    """Return the rank, from 1, of the first passage that holds a gold quote; None when none does."""
    return next((rank for rank, quotes in enumerate(held, start=1) if quotes), None)


def as_ranking(held: Held, gold: Sequence[GoldQuote]) -> tuple[list[str], dict[str, int]]:
    """Return the passages as a ranking of distinct keys with the grades of what is relevant, for eval.metrics.ranking.

    A passage is relevant when it is the first to hold some quote, so that overlapping passages count once. Quotes that
    first appear together are found by one passage and count as one; each that is nowhere counts as one.
    """
    seen: set[GoldQuote] = set()
    grades = {}
    for rank, quotes in enumerate(held, start=1):
        if quotes - seen:
            grades[f"passage {rank}"] = 1
        seen |= quotes
    missed = {f"missed {number}": 1 for number, _ in enumerate(set(gold) - seen)}
    return [f"passage {rank}" for rank, _ in enumerate(held, start=1)], grades | missed


def _holds(text: str, words: str) -> bool:
    if not text:
        return False
    if words in text or text in words:
        return True
    parts = range((len(words) + 1) // 2, len(words))
    return any(text.endswith(words[:length]) or text.startswith(words[-length:]) for length in parts)


def folded(text: str) -> str:
    """Return a text as quotes are compared: without differences of case, and without white space."""
    return "".join(text.casefold().split())
