"""Do citations point where they should, do they resolve, and do they support what they stand behind?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eval.metrics.quotes import Held
from eval.metrics.scores import Score, missing
from rag_service.domain.golden import GoldQuote
from rag_service.domain.spans import sha256_of

NO_CITATION = "nothing is cited"
NO_GOLD = "no gold document is known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A citation as it is looked up: the document's key, the quote and where it is said to be."""

    document: str
    quote: str
    char_start: int
    char_end: int
    quote_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSupport:
    """How well a citation supports the unit of the answer that begins and ends there."""

    start: int
    end: int
    support: float


def precision(held: Held, gold: Sequence[GoldQuote]) -> Score:
    """Return the share of citations that hold a gold quote."""
    return _unmeasurable(held, gold) or Score(sum(map(bool, held)) / len(held))


def recall(held: Held, gold: Sequence[GoldQuote]) -> Score:
    """Return the share of gold quotes that a citation holds."""
    return _unmeasurable(held, gold) or Score(len(frozenset().union(*held)) / len(set(gold)))


def support_rate(supports: Iterable[UnitSupport], *, threshold: float) -> Score:
    """Return the share of cited units whose best citation supports them at least `threshold`."""
    best: dict[tuple[int, int], float] = {}
    for one in supports:
        unit = (one.start, one.end)
        best[unit] = max(one.support, best.get(unit, 0.0))
    if not best:
        return missing(NO_CITATION)
    return Score(sum(support >= threshold for support in best.values()) / len(best))


def resolution(verdicts: Sequence[bool]) -> Score:
    """Return the share of citations whose quote is where they say."""
    return Score(sum(verdicts) / len(verdicts)) if verdicts else missing(NO_CITATION)


def resolves(citation: Cited, canonical_text: str) -> bool:
    """Say whether the characters at the citation's offsets are its quote, and match its hash."""
    found = canonical_text[citation.char_start : citation.char_end]
    return bool(found) and found == citation.quote and sha256_of(found) == citation.quote_sha256


def _unmeasurable(held: Held, gold: Sequence[GoldQuote]) -> Score | None:
    if not gold:
        return missing(NO_GOLD)
    return None if held else missing(NO_CITATION)
