"""Which sentences of the passages may answer a question: cheap signals only, no model."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag_service.domain.answers import Passage
from rag_service.domain.words import content_stems, stems, word_set, words
from rag_service.generation.statements import Form, Statement, statements_of

_SHORTEST_WORDS = 3
_PRONOUNS = word_set("he she it they this that these those his her its their such")
_HOW_MUCH = re.compile(r"\bhow (many|much|long|often)\b", re.IGNORECASE)
"""Asks for a number; a statement that has these words has no part of the answer for it."""

_CUES: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (
        re.compile(r"\b(when|what (year|date|day|month|time|century|decade)|which (year|century)|how long ago)\b", re.IGNORECASE),
        re.compile(r"\b\d{3,4}s?\b|\b(january|february|march|april|may|june|july|august|september|october|november|december)\b|centur|\b\d{1,2}:\d\d", re.IGNORECASE),
    ),
    (
        re.compile(r"\b(how (many|much|long|old|far|big|large|often|fast|tall|high)|what (percentage|number|amount))\b", re.IGNORECASE),
        re.compile(r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|twelve|dozen|hundred|thousand|million|half|once|twice)\b", re.IGNORECASE),
    ),
    (re.compile(r"\b(who|whom|whose|what (person|people|company|team))\b", re.IGNORECASE), re.compile(r"(?<!^)\b[A-Z][a-z]+")),
    (re.compile(r"\b(where|what (country|city|place|state|region)|which (country|city|state))\b", re.IGNORECASE), re.compile(r"\b(in|at|near|from|to|of)\s+(the\s+)?[A-Z]")),
    (re.compile(r"\bwhy\b", re.IGNORECASE), re.compile(r"\b(because|since|due to|so that|therefore|in order|as a result|caused?|reason|to)\b", re.IGNORECASE)),
    (re.compile(r"\b(what (is|are|was|were)|who (is|was)|define|meaning of)\b", re.IGNORECASE), re.compile(r"\b(is|are|was|were|means|refers to|called|known as)\b", re.IGNORECASE)),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceCandidate:
    """A statement of a passage. `ordinal` is its place there; `lexical` and `cue` lie in [0, 1]."""

    passage: Passage
    ordinal: int
    text: str
    form: Form
    terms: frozenset[str]
    lexical: float
    cue: float
    leans_back: bool


def candidate_sentences(question: str, passages: Sequence[Passage], *, limit: int) -> list[SentenceCandidate]:
    """Return the at most `limit` statements that share most with the question, best first."""
    listed = [
        (passage, ordinal, statement)
        for passage in passages
        for ordinal, statement in enumerate(statements_of(passage))
    ]
    wanted = content_stems(_HOW_MUCH.sub(" ", question)) or content_stems(question) or stems(question)
    weights = _rarity(wanted, [statement.text for _, _, statement in listed])
    found = [_candidate(question, weights, *place) for place in listed]
    worth = [candidate for candidate in found if _says_something(candidate)] or found
    return sorted(worth, key=lambda each: (-_first_guess(each), each.passage.rank, each.ordinal))[:limit]


def sentence_before(candidate: SentenceCandidate) -> str | None:
    """Return the sentence before one that leans on it ("It was …"), None for others."""
    if not candidate.leans_back or not candidate.ordinal:
        return None
    before = statements_of(candidate.passage)[candidate.ordinal - 1]
    return before.text if before.form is Form.SENTENCE else None


def _candidate(
    question: str, weights: dict[str, float], passage: Passage, ordinal: int, statement: Statement
) -> SentenceCandidate:
    text = statement.text
    terms = frozenset(stems(text)) & weights.keys()
    around = frozenset(stems(" ".join((*passage.headings, passage.title or "")))) & weights.keys()
    total = sum(weights.values()) or 1.0
    # Words of the heading say what the sentence is about, but do not answer.
    shared = sum(weights[term] for term in terms) + 0.5 * sum(weights[term] for term in around - terms)
    first = next(iter(words(text)), "")
    return SentenceCandidate(
        passage=passage,
        ordinal=ordinal,
        text=text,
        form=statement.form,
        terms=terms,
        lexical=shared / total,
        cue=_cue(question, text),
        leans_back=first in _PRONOUNS,
    )


def _says_something(candidate: SentenceCandidate) -> bool:
    return candidate.form is not Form.POOR and len(words(candidate.text)) >= _SHORTEST_WORDS


def _first_guess(candidate: SentenceCandidate) -> float:
    return candidate.lexical + 0.15 * candidate.cue + 0.4 / candidate.passage.rank


def _cue(question: str, text: str) -> float:
    expected = [answer for asked, answer in _CUES if asked.search(question)]
    return sum(1.0 for answer in expected if answer.search(text)) / len(expected) if expected else 0.0


def _rarity(wanted: Sequence[str], texts: Sequence[str]) -> dict[str, float]:
    """Rare words among the sentences weigh more: they tell the right sentence from its neighbours."""
    counts = Counter(term for text in texts for term in frozenset(stems(text)))
    return {term: math.log(1 + (len(texts) + 1) / (counts[term] + 0.5)) for term in wanted}
