"""Checks one unit of generated text against the passages: cite, cite differently, or drop."""

from collections.abc import Iterable, Sequence

from rag_service.domain.answers import Passage
from rag_service.domain.documents import embedded_text
from rag_service.domain.marks import parse_marks
from rag_service.domain.words import words
from rag_service.ports.unit_checker import CheckedUnit, Support, Verdict
from rag_service.ports.verifier import Claim, Verifier
from rag_service.verification.quotes import Quote, find_quote

_REPAIR_CANDIDATES = 3
_MOST_CITATIONS = 3


class QuoteChecker:
    """Implements UnitChecker: a unit leaves when a quote of a passage supports it at least `threshold`."""

    def __init__(self, verifier: Verifier, *, threshold: float) -> None:
        self._verifier = verifier
        self._threshold = threshold

    async def check(self, unit: str, *, question: str, passages: Sequence[Passage]) -> CheckedUnit:
        """Try the passages the unit names, then those that share most words with it."""
        marked = parse_marks(unit)
        if not words(marked.text):
            return CheckedUnit(text=marked.text, verdict=Verdict.LAYOUT)
        cited = [passage for passage in passages if passage.rank in marked.ranks]
        supports = await self._supported(marked.text, question, cited)
        if supports:
            return CheckedUnit(text=marked.text, verdict=Verdict.SUPPORTED, supports=supports[:_MOST_CITATIONS])
        others = [passage for passage in passages if passage.rank not in marked.ranks]
        supports = await self._supported(marked.text, question, others, limit=_REPAIR_CANDIDATES)
        if supports:
            return CheckedUnit(text=marked.text, verdict=Verdict.REPAIRED, supports=_best(supports))
        return CheckedUnit(text=marked.text, verdict=Verdict.DROPPED)

    async def _supported(
        self, claim: str, question: str, passages: Iterable[Passage], *, limit: int | None = None
    ) -> tuple[Support, ...]:
        quoted = _quotes(claim, passages)[:limit]
        claims = [
            Claim(text=claim.strip(), evidence=_evidence(passage, quote), question=question)
            for passage, quote in quoted
        ]
        scores = await self._verifier.support(claims)
        return tuple(
            Support(passage=passage, quote=quote.span, score=score)
            for (passage, quote), score in zip(quoted, scores, strict=True)
            if score >= self._threshold
        )


def _evidence(passage: Passage, quote: Quote) -> str:
    # Headings name what "it" is: without them a claim that says the name would lack its evidence.
    return embedded_text(passage.headings or ((passage.title,) if passage.title else ()), quote.span.of(passage.text))


def _quotes(claim: str, passages: Iterable[Passage]) -> list[tuple[Passage, Quote]]:
    """The quote of each passage that has one, the fullest first, then by rank."""
    found = [(passage, quote) for passage in passages if (quote := find_quote(claim, passage.text))]
    return sorted(found, key=lambda pair: (-pair[1].verbatim, -pair[1].coverage, pair[0].rank))


def _best(supports: Sequence[Support]) -> tuple[Support, ...]:
    return (max(supports, key=lambda support: (support.score, -support.passage.rank)),)
