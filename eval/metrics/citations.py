"""Do citations point where they should, and do they resolve?"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from eval.metrics.scores import Score, missing
from rag_service.domain.spans import sha256_of

NO_CITATION = "nothing is cited"
NO_GOLD = "no gold document is known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """Where the answer is: in these documents; in these words, when they are known."""

    documents: frozenset[str]
    quotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A citation as it is judged: the document's key, the quote and where it is said to be."""

    document: str
    quote: str
    char_start: int
    char_end: int
    quote_sha256: str


def precision(cited: Sequence[Cited], gold: Gold) -> Score:
    """Return the share of citations that are in a gold document, and share words with a gold quote if one is known."""
    if not gold.documents:
        return missing(NO_GOLD)
    if not cited:
        return missing(NO_CITATION)
    return Score(sum(_is_right(citation, gold) for citation in cited) / len(cited))


def recall(cited: Sequence[Cited], gold: Gold) -> Score:
    """Return the share of gold quotes that are cited; of gold documents where no quote is known."""
    if not gold.documents:
        return missing(NO_GOLD)
    if not cited:
        return missing(NO_CITATION)
    inside = [citation for citation in cited if citation.document in gold.documents]
    if gold.quotes:
        return Score(_share(_overlaps(citation.quote for citation in inside), gold.quotes))
    return Score(len({citation.document for citation in inside}) / len(gold.documents))


def resolves(citation: Cited, canonical_text: str) -> bool:
    """Say whether the characters at the citation's offsets are its quote, and match its hash."""
    found = canonical_text[citation.char_start : citation.char_end]
    return bool(found) and found == citation.quote and sha256_of(found) == citation.quote_sha256


def _is_right(citation: Cited, gold: Gold) -> bool:
    if citation.document not in gold.documents:
        return False
    return not gold.quotes or any(_overlaps([citation.quote])(quote) for quote in gold.quotes)


def _overlaps(quotes: Iterable[str]) -> Callable[[str], bool]:
    folded = [_folded(quote) for quote in quotes]

    def overlaps(gold_quote: str) -> bool:
        wanted = _folded(gold_quote)
        return any(wanted in quote or quote in wanted for quote in folded if quote)

    return overlaps


def _share(test: Callable[[str], bool], values: Sequence[str]) -> float:
    return sum(map(test, values)) / len(values)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
