"""Faithfulness and relevance without a language model, by the parts the service itself has.

Neither is a judgement of meaning. Faithfulness says that the service's own verifier would let the sentences leave: it
sees what generators add to their passages, and cannot see where the verifier itself is wrong (its agreement with people is
measured by the suite `faithfulness`). Relevance says that question and answer are about the same: a wrong answer
about the right thing has a high one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eval.metrics.scores import Score, missing
from eval.metrics.suite_scores import why_unanswered
from eval.metrics.text import without_marks
from rag_service.domain.answers import Passage
from rag_service.domain.ids import ChunkId, DocumentId, FileId
from rag_service.domain.metric_names import FAITHFULNESS, RELEVANCE, UNAVAILABLE
from rag_service.domain.sentences import sentence_spans
from rag_service.domain.spans import Span
from rag_service.errors import DependencyUnavailable
from rag_service.ports.embedder import Embedder
from rag_service.ports.unit_checker import UnitChecker, Verdict

NO_SENTENCE = "the answer has no sentence"
NO_PASSAGE = "no passage was found"


async def judge_free_scores(
    evidence: Mapping[str, Any], *, checker: UnitChecker, embedder: Embedder, threshold: float
) -> dict[str, Score]:
    """Return both scores of one case. `checker` has to report every support, however weak."""
    if reason := why_unanswered(evidence):
        return dict.fromkeys((FAITHFULNESS, RELEVANCE), missing(reason))
    try:
        return await _scores(evidence, checker, embedder, threshold)
    except DependencyUnavailable as exc:
        return dict.fromkeys((FAITHFULNESS, RELEVANCE), missing(f"{UNAVAILABLE}: {type(exc).__name__}"))


async def sentence_supports(
    checker: UnitChecker, response: str, passages: Sequence[Passage], *, question: str
) -> list[float]:
    """Return how well the passages support each sentence of a response, 0 where they say nothing about it."""
    units = [
        await checker.check(span.of(response), question=question, passages=passages)
        for span in sentence_spans(response)
    ]
    return [
        max((support.score for support in unit.supports), default=0.0)
        for unit in units
        if unit.verdict is not Verdict.LAYOUT
    ]


def faithfulness(supports: Sequence[float], *, threshold: float) -> Score:
    """Return the share of sentences that are supported: RAGAS's faithfulness, the verifier in the judge's place."""
    if not supports:
        return missing(NO_SENTENCE)
    return Score(sum(support >= threshold for support in supports) / len(supports))


async def relevance(embedder: Embedder, question: str, answer: str) -> Score:
    """Return the cosine of question and answer.

    RAGAS's answer relevancy compares the question with questions that a judge makes up for the answer; here the
    answer itself stands in for them.
    """
    if not answer:
        return missing(NO_SENTENCE)
    asked = await embedder.embed_query(question)
    [answered] = await embedder.embed_passages([answer])
    return Score(float(np.clip(np.dot(asked, answered), -1.0, 1.0)))


def passage_of(text: str, headings: Sequence[str] = (), rank: int = 1) -> Passage:
    """Return a text as the passage that a checker sees; its ids and scores are of no account."""
    return Passage(
        rank=rank,
        chunk_id=ChunkId(f"chunk_{rank}"),
        document_id=DocumentId(f"doc_{rank}"),
        revision=1,
        file_id=FileId(f"file_{rank}"),
        filename="",
        title=None,
        attributes={},
        headings=tuple(headings),
        span=Span(0, len(text)),
        page_starts=(),
        text=text,
        score=0.0,
        dense_score=0.0,
        sparse_score=0.0,
    )


async def _scores(
    evidence: Mapping[str, Any], checker: UnitChecker, embedder: Embedder, threshold: float
) -> dict[str, Score]:
    question, answer = evidence["question"], without_marks(evidence["answer"])
    passages = [passage_of(found["text"], found["headings"], rank) for rank, found in enumerate(evidence["found"], 1)]
    supports = await sentence_supports(checker, answer, passages, question=question)
    return {
        FAITHFULNESS: faithfulness(supports, threshold=threshold) if passages else missing(NO_PASSAGE),
        RELEVANCE: await relevance(embedder, question, answer),
    }
