"""The RAGAS metrics that are used, with their traps disarmed. Imported only by eval/ragas_worker.py.

Text only (the multimodal metrics fetch addresses), no call without its inputs (some raise, some give NaN, some give 0
for "nothing to measure"), and no score from a judge that failed on the way (some go on with what is left).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ragas.dataset_schema import SingleTurnSample
from ragas.embeddings.base import BaseRagasEmbedding
from ragas.metrics._context_precision import NonLLMContextPrecisionWithReference
from ragas.metrics._context_recall import NonLLMContextRecall
from ragas.metrics.collections import (
    AnswerRelevancy,
    BleuScore,
    ContextPrecision,
    ContextRecall,
    ContextRelevance,
    FactualCorrectness,
    Faithfulness,
    NoiseSensitivity,
    NonLLMStringSimilarity,
    RougeScore,
    SemanticSimilarity,
)

from eval.ragas_judge import NO_VALID_ANSWER, JudgeLine, PinnedJudge
from eval.ragas_ours import EmbeddingRelevance, Verdicts, VerifierFaithfulness
from rag_service.domain.metric_names import JUDGED

Sample = Mapping[str, Any]
Measurement = tuple[float | None, str]
Metric = Callable[[Sample], Awaitable[Measurement]]
Vectors = Callable[[list[str]], list[list[float]]]

NO_QUESTION = "no question was written by the judge"

_FIELDS = {
    "faithfulness": ("user_input", "response", "retrieved_contexts"),
    "answer relevancy": ("user_input", "response"),
    "judged context precision": ("user_input", "reference", "retrieved_contexts"),
    "judged context recall": ("user_input", "reference", "retrieved_contexts"),
    "context relevance": ("user_input", "retrieved_contexts"),
    "factual correctness": ("response", "reference"),
    "noise sensitivity": ("user_input", "response", "reference", "retrieved_contexts"),
}


class ServiceEmbedding(BaseRagasEmbedding):
    """The service's own embedder, asked through the parent process. `calls` counts what was asked."""

    def __init__(self, vectors: Vectors) -> None:
        super().__init__()
        self.calls = 0
        self._vectors = vectors

    def embed_text(self, text: str, **kwargs: Any) -> list[float]:
        """Return the embedding of one text."""
        self.calls += 1
        return self._vectors([text])[0]

    async def aembed_text(self, text: str, **kwargs: Any) -> list[float]:
        """Return the embedding of one text."""
        return self.embed_text(text)


def without_judge(vectors: Vectors, verdicts: Verdicts) -> dict[str, Metric]:
    """Return the metrics that need no language model; those whose packages are absent say so."""
    embedding = ServiceEmbedding(vectors)
    words = ("reference", "response")
    return {
        "string similarity": _metric(NonLLMStringSimilarity, words),
        "BLEU": _metric(BleuScore, words),
        "ROUGE-L": _metric(RougeScore, words),
        "semantic similarity": _metric(lambda: SemanticSimilarity(embeddings=embedding), words),
        "context recall": _of_contexts(NonLLMContextRecall()),
        "context precision": _of_contexts(NonLLMContextPrecisionWithReference()),
        "verifier faithfulness": _metric(
            lambda: VerifierFaithfulness(verdicts), ("user_input", "response", "retrieved_contexts")
        ),
        "embedding relevance": _metric(lambda: EmbeddingRelevance(embedding), ("user_input", "response")),
    }


def with_judge(judge: Mapping[str, Any], vectors: Vectors) -> dict[str, Metric]:
    """Return the metrics that ask a language model."""
    line = JudgeLine(judge)
    embedding = ServiceEmbedding(vectors)
    makers: dict[str, Callable[[PinnedJudge], Any]] = {
        "faithfulness": lambda llm: Faithfulness(llm=llm),
        "answer relevancy": lambda llm: AnswerRelevancy(llm=llm, embeddings=embedding),
        "judged context precision": lambda llm: ContextPrecision(llm=llm),
        "judged context recall": lambda llm: ContextRecall(llm=llm),
        # It asks five times for a valid rating; at temperature 0 the fifth answer is the first.
        "context relevance": lambda llm: ContextRelevance(llm=llm, max_retries=1),
        "factual correctness": lambda llm: FactualCorrectness(llm=llm),
        "noise sensitivity": lambda llm: NoiseSensitivity(llm=llm),
    }
    metrics = {name: _judged(make, _FIELDS[name], PinnedJudge(line)) for name, make in makers.items()}
    return metrics | {"answer relevancy": _relevancy(metrics["answer relevancy"], embedding)}


def unjudged(reason: str) -> dict[str, Metric]:
    """Return the judged metrics as missing."""
    return dict.fromkeys(JUDGED, _missing(reason))


def _metric(make: Callable[[], Any], fields: Sequence[str]) -> Metric:
    try:
        metric = make()
    except ImportError as exc:
        return _missing(_absence(exc))

    async def measure(sample: Sample) -> Measurement:
        if lacking := _lacking(sample, fields):
            return None, lacking
        try:
            result = await metric.ascore(**{field: sample[field] for field in fields})
        except ImportError as exc:
            return None, _absence(exc)
        return float(result.value), ""

    return measure


def _judged(make: Callable[[PinnedJudge], Any], fields: Sequence[str], judge: PinnedJudge) -> Metric:
    ask = _metric(lambda: make(judge), fields)

    async def measure(sample: Sample) -> Measurement:
        judge.failure = ""
        # What a metric makes of a judge's odd answers is without limit.
        [measurement] = await asyncio.gather(ask(sample), return_exceptions=True)
        if isinstance(measurement, BaseException):
            return None, judge.failure or f"{NO_VALID_ANSWER}: {type(measurement).__name__}"
        return (None, judge.failure) if judge.failure else measurement

    return measure


def _relevancy(ask: Metric, embedding: ServiceEmbedding) -> Metric:
    async def measure(sample: Sample) -> Measurement:
        before = embedding.calls
        value, reason = await ask(sample)
        # Ragas says 0 when the judge wrote no question; then nothing was compared.
        return (None, NO_QUESTION) if value == 0 and embedding.calls == before else (value, reason)

    return measure


def _of_contexts(metric: Any) -> Metric:
    async def measure(sample: Sample) -> Measurement:
        if lacking := _lacking(sample, ("retrieved_contexts", "reference_contexts")):
            return None, lacking
        turn = SingleTurnSample(
            retrieved_contexts=list(sample["retrieved_contexts"]), reference_contexts=list(sample["reference_contexts"])
        )
        return float(await metric.single_turn_ascore(turn)), ""

    return measure


def _missing(reason: str) -> Metric:
    async def measure(_sample: Sample) -> Measurement:
        return None, reason

    return measure


def _absence(exc: ImportError) -> str:
    return f"needs the package {exc.name}" if exc.name else "needs a package that is not installed"


def _lacking(sample: Sample, names: Sequence[str]) -> str:
    return next((f"no {name.replace('_', ' ')}" for name in names if not sample[name]), "")
