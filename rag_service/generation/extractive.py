"""Answers made of the documents' own sentences: the generator that needs no language model."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from rag_service.domain.marks import written_marks
from rag_service.domain.units import UnitSplitter
from rag_service.domain.words import content_stems
from rag_service.generation.relevance import SentenceCandidate, candidate_sentences, sentence_before
from rag_service.generation.statements import (
    Form,
    items_after,
    statements_of,
    with_dash,
    without_bullet,
)
from rag_service.ports.embedder import Embedder
from rag_service.ports.generator import AnswerRequest, Fragment

_CANDIDATES = 8
"""Statements that are embedded, about 5 ms each on one core: on SQuAD the answer is among 8 as often as among 14."""

_EMBEDDED_CHARS = 240
"""One long sentence would pad all others of the batch to its length."""

_COSINE, _LEXICAL, _CUE, _RANK = 1.0, 0.8, 0.3, 0.2
_LIST_PENALTY = 0.2
"""A sentence reads better than an item or a row that says the same, all the more than one about a name_like_this."""
_MACHINE_NAME = re.compile(r"[^\W_]_+[^\W_]")

_NEAR_BEST = 0.85
_NEAR_CLEAR_BEST = 0.95
_CLEAR = 0.9
_SAME_WORDS = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A candidate and how well it answers; compare within one question only."""

    candidate: SentenceCandidate
    score: float


class ExtractiveGenerator:
    """Writes the fewest verbatim sentences that answer, each with its mark, those of one passage together."""

    def __init__(self, embedder: Embedder, *, max_sentences: int) -> None:
        self._embedder = embedder
        self._max_sentences = max_sentences

    @property
    def name(self) -> str:
        """Backend and rule version, for the answer record."""
        return "extractive-2"

    @property
    def prompt_version(self) -> str:
        """It has no prompt."""
        return "none"

    async def generate(self, request: AnswerRequest) -> AsyncGenerator[Fragment, None]:
        """Yield one sentence after the other."""
        candidates = candidate_sentences(request.question, request.passages, limit=_CANDIDATES)
        scored = _by_words(candidates) if request.by_words else await self._scored(request.question, candidates)
        picked = pick(scored, max_sentences=self._max_sentences)
        for text in written(picked):
            yield Fragment(text=text)

    async def _scored(self, question: str, candidates: Sequence[SentenceCandidate]) -> list[Scored]:
        if len(candidates) < 2:  # noqa: PLR2004  (nothing to choose from)
            return [Scored(candidate=candidate, score=1.0) for candidate in candidates]
        asked, rows = await asyncio.gather(
            self._embedder.embed_query(question),
            self._embedder.embed_passages([candidate.text[:_EMBEDDED_CHARS] for candidate in candidates]),
        )
        return [
            Scored(candidate=candidate, score=relevance(candidate, float(cosine)))
            for candidate, cosine in zip(candidates, rows @ asked, strict=True)
        ]


def _by_words(candidates: Sequence[SentenceCandidate]) -> list[Scored]:
    return [Scored(candidate=candidate, score=relevance(candidate, 0.0)) for candidate in candidates]


def relevance(candidate: SentenceCandidate, cosine: float) -> float:
    """Return how well a statement answers, from its meaning, its words, what it offers and its passage's rank."""
    score = _COSINE * cosine + _LEXICAL * candidate.lexical + _CUE * candidate.cue + _RANK / candidate.passage.rank
    if candidate.form not in {Form.ITEM, Form.ROW}:
        return score
    return score - _LIST_PENALTY * (1.5 if _MACHINE_NAME.search(candidate.text) else 1.0)


def pick(scored: Sequence[Scored], *, max_sentences: int) -> list[SentenceCandidate]:
    """Return the best statement and those nearly as good that add something, in readable order.

    Behind one that has the question's words and the kind of thing asked for, little is added.
    """
    ordered = sorted(scored, key=lambda each: (-each.score, each.candidate.passage.rank, each.candidate.ordinal))
    picked: list[SentenceCandidate] = []
    for each in ordered:
        if len(picked) == max_sentences or each.score < _NEAR_BEST * ordered[0].score:
            break
        if each.score >= _bar(ordered[0], each) and not _repeats(each.candidate, picked):
            picked.append(each.candidate)
    order = {id(candidate.passage): -index for index, candidate in enumerate(reversed(picked))}
    return sorted(picked, key=lambda candidate: (order[id(candidate.passage)], candidate.ordinal))


def written(picked: Sequence[SentenceCandidate]) -> list[str]:
    """Return the fragments: each statement with its mark, after the one it leans on; items of a list are lines."""
    texts: list[tuple[str, int]] = []
    for candidate in picked:
        for text in _shown(candidate, picked):
            if (text, candidate.passage.rank) not in texts:
                texts.append((text, candidate.passage.rank))
    marked = [f"{text} {written_marks((rank,))}" for text, rank in texts]
    gaps = [_gap(one, other) for one, other in pairwise(marked)]
    return [text + gap for text, gap in zip(marked, [*gaps, ""], strict=True)] if marked else []


def _bar(best: Scored, other: Scored) -> float:
    is_clear = best.candidate.lexical >= _CLEAR and best.candidate.cue >= _CLEAR
    # Sentences and list items mixed read badly.
    is_mixed = best.candidate.form is not other.candidate.form
    return (_NEAR_CLEAR_BEST if is_clear or is_mixed else _NEAR_BEST) * best.score


def _shown(candidate: SentenceCandidate, picked: Sequence[SentenceCandidate]) -> list[str]:
    """The parts that a statement is shown as: an item alone loses its bullet, a lead brings its list."""
    match candidate.form:
        case Form.ITEM:
            siblings = [one for one in picked if one.form is Form.ITEM and one.passage is candidate.passage]
            return [with_dash(candidate.text)] if len(siblings) > 1 else without_bullet(candidate.text)
        case Form.LEAD:
            items = items_after(statements_of(candidate.passage), candidate.ordinal)
            return [candidate.text, *map(with_dash, items)]
        case _:
            before = sentence_before(candidate)
            return [before, candidate.text] if before else [candidate.text]


def _gap(text: str, following: str) -> str:
    """Return what stands between two statements: a line break unless a blank keeps them two units."""
    splitter = UnitSplitter()
    units = [*splitter.feed(f"{text} {following}"), *splitter.finish()]
    return " " if len(text) + 1 in accumulate(map(len, units)) else "\n"


def _repeats(candidate: SentenceCandidate, picked: Sequence[SentenceCandidate]) -> bool:
    mine = frozenset(content_stems(candidate.text))
    for other in picked:
        theirs = frozenset(content_stems(other.text))
        if len(mine & theirs) >= _SAME_WORDS * max(1, min(len(mine), len(theirs))):
            return True
    return False
