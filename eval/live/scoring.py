"""The scores of one answer that somebody got: there is no right answer to compare it with."""

from collections.abc import Callable, Mapping
from datetime import datetime
from statistics import fmean
from typing import Any

from eval.judging import JudgeFree, sample_of
from eval.live.sampling import Drawn
from eval.metrics.judge_free import NO_PASSAGE
from eval.metrics.ragas import Ragas
from eval.metrics.scores import Score, missing
from rag_service.bootstrap import Container
from rag_service.domain.answers import Answer, AnswerStatus
from rag_service.domain.degradation import Degradation
from rag_service.domain.fingerprints import digest_of
from rag_service.domain.live import RETRIEVAL, SUPPORT, LiveScore
from rag_service.domain.metric_names import COST, LATENCY, TOKENS, UNPRICED, of_ragas

WITHOUT_REFERENCE = ("faithfulness", "answer relevancy", "context relevance")
"""The metrics of RAGAS that need a judge and no right answer."""

NO_CITATION = "the answer cites nothing"
NO_COSINE = "only words were looked for"
NO_TIME = "the time was not taken"
NO_TOKENS = "no tokens were counted"


class ScoreAnswer:
    """Scores answers by the service's own parts; by a judge too, where there is one."""

    def __init__(
        self, container: Container, *, ragas: Ragas | None, judge: str | None, clock: Callable[[], datetime]
    ) -> None:
        self._embedder = container.embedder
        self._judge_free = JudgeFree(container)
        self._ragas = ragas
        self._judge = judge
        self._clock = clock

    async def __call__(self, drawn: Drawn, answer: Answer) -> LiveScore:
        """Return the scores of an answer.

        Raises:
            EmbedderUnavailable: it can be scored later.
        """
        vector = await self._embedder.embed_query(answer.searched_for)
        evidence = _evidence_of(answer)
        scores = measured(answer) | await self._judge_free(evidence) | await self._judged(evidence)
        return LiveScore(
            answer_id=answer.id,
            tenant_id=answer.tenant_id,
            corpus_id=answer.corpus_id,
            status=answer.status,
            asked_at=answer.created_at,
            draw=drawn.draw,
            rate=drawn.rate,
            values={name: score.value for name, score in scores.items()},
            missing={name: score.reason for name, score in scores.items() if score.value is None},
            question=vector.astype("<f4").tobytes(),
            embedder=digest_of(self._embedder.fingerprint),
            judge=self._judge,
            scored_at=self._clock(),
        )

    async def _judged(self, evidence: Mapping[str, Any]) -> dict[str, Score]:
        if self._ragas is None or evidence["status"] == AnswerStatus.ABSTAINED.value:
            return {}
        scores = await self._ragas.scores(sample_of(evidence))
        return {of_ragas(name): score for name, score in scores.items()}


def measured(answer: Answer) -> dict[str, Score]:
    """Return what stands in the answer itself.

    Of retrieval that is the highest cosine: the fused score of a best passage is near 1 whatever was asked.
    """
    tokens = answer.usage.prompt_tokens + answer.usage.completion_tokens
    return {
        RETRIEVAL: _retrieval(answer),
        SUPPORT: _or_missing(fmean(one.support for one in answer.citations) if answer.citations else None, NO_CITATION),
        LATENCY: _or_missing(answer.timings_ms.get("total"), NO_TIME),
        TOKENS: _or_missing(float(tokens) or None, NO_TOKENS),
        COST: _or_missing(None if answer.cost is None else answer.cost.amount, UNPRICED),
    }


def _retrieval(answer: Answer) -> Score:
    if Degradation.EMBEDDING in answer.degraded:
        return missing(NO_COSINE)
    return _or_missing(max((found.dense_score for found in answer.passages), default=None), NO_PASSAGE)


def _or_missing(value: float | None, reason: str) -> Score:
    return missing(reason) if value is None else Score(value)


def _evidence_of(answer: Answer) -> dict[str, Any]:
    """The answer as the metrics of suites read it."""
    return {
        "failure": "",
        "status": answer.status.value,
        "question": answer.searched_for,
        "answer": answer.text,
        "expected": [],
        "gold": [],
        "found": [{"text": found.text, "headings": list(found.headings)} for found in answer.passages],
    }
