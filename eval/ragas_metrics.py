"""The RAGAS metrics that are used, with their traps disarmed. Imported only by eval/ragas_worker.py.

No cache (its files are pickles), text only (the multimodal metrics fetch addresses), no call without its inputs
(some raise, some give NaN, some give 0 for "nothing to measure").
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from instructor.core import InstructorError
from openai import AsyncOpenAI, OpenAIError
from ragas.dataset_schema import SingleTurnSample
from ragas.embeddings.base import BaseRagasEmbedding
from ragas.llms import llm_factory
from ragas.metrics._context_precision import NonLLMContextPrecisionWithReference
from ragas.metrics._context_recall import NonLLMContextRecall
from ragas.metrics.collections import (
    AnswerRelevancy,
    BleuScore,
    Faithfulness,
    NonLLMStringSimilarity,
    RougeScore,
    SemanticSimilarity,
)

Sample = Mapping[str, Any]
Measurement = tuple[float | None, str]
Metric = Callable[[Sample], Awaitable[Measurement]]
Vectors = Callable[[list[str]], list[list[float]]]

_JUDGE_TIMEOUT_S = 60.0
_JUDGE_FAILURES = (OpenAIError, InstructorError, ValueError, TypeError)


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


def without_judge(vectors: Vectors) -> dict[str, Metric]:
    """Return the metrics that need no language model; those whose packages are absent say so."""
    embedding = ServiceEmbedding(vectors)
    return {
        "string similarity": _against_reference(NonLLMStringSimilarity),
        "BLEU": _against_reference(BleuScore),
        "ROUGE-L": _against_reference(RougeScore),
        "semantic similarity": _against_reference(lambda: SemanticSimilarity(embeddings=embedding)),
        "context recall": _of_contexts(NonLLMContextRecall()),
        "context precision": _of_contexts(NonLLMContextPrecisionWithReference()),
    }


def with_judge(judge: Mapping[str, str], vectors: Vectors) -> dict[str, Metric]:
    """Return the metrics that ask a language model."""
    client = AsyncOpenAI(
        base_url=judge["base_url"], api_key=judge["api_key"] or "none", timeout=_JUDGE_TIMEOUT_S, max_retries=1
    )
    llm = llm_factory(judge["model"], client=client, temperature=0.0)
    embedding = ServiceEmbedding(vectors)
    return {
        "faithfulness": _faithfulness(Faithfulness(llm=llm)),
        "answer relevancy": _relevancy(AnswerRelevancy(llm=llm, embeddings=embedding), embedding),
    }


def unjudged(reason: str) -> dict[str, Metric]:
    """Return the judged metrics as missing."""
    return {"faithfulness": _missing(reason), "answer relevancy": _missing(reason)}


def _against_reference(make: Callable[[], Any]) -> Metric:
    try:
        metric = make()
    except ImportError as exc:
        return _missing(_absence(exc))

    async def measure(sample: Sample) -> Measurement:
        lacking = _lacking(sample, ("reference", "response"))
        if lacking:
            return None, lacking
        try:
            result = await metric.ascore(reference=sample["reference"], response=sample["response"])
        except ImportError as exc:
            return None, _absence(exc)
        return float(result.value), ""

    return measure


def _of_contexts(metric: Any) -> Metric:
    async def measure(sample: Sample) -> Measurement:
        lacking = _lacking(sample, ("retrieved_contexts", "reference_contexts"))
        if lacking:
            return None, lacking
        turn = SingleTurnSample(
            retrieved_contexts=list(sample["retrieved_contexts"]), reference_contexts=list(sample["reference_contexts"])
        )
        return float(await metric.single_turn_ascore(turn)), ""

    return measure


def _faithfulness(metric: Any) -> Metric:
    async def measure(sample: Sample) -> Measurement:
        lacking = _lacking(sample, ("response", "retrieved_contexts"))
        if lacking:
            return None, lacking
        try:
            result = await metric.ascore(
                user_input=sample["user_input"],
                response=sample["response"],
                retrieved_contexts=list(sample["retrieved_contexts"]),
            )
        except _JUDGE_FAILURES as exc:
            return None, _judge_failure(exc)
        return float(result.value), ""

    return measure


def _relevancy(metric: Any, embedding: ServiceEmbedding) -> Metric:
    async def measure(sample: Sample) -> Measurement:
        lacking = _lacking(sample, ("user_input", "response"))
        if lacking:
            return None, lacking
        before = embedding.calls
        try:
            result = await metric.ascore(user_input=sample["user_input"], response=sample["response"])
        except _JUDGE_FAILURES as exc:
            return None, _judge_failure(exc)
        # Ragas says 0 when the judge wrote no question; then nothing was compared.
        return (float(result.value), "") if embedding.calls > before else (None, "the judge wrote no question")

    return measure


def _missing(reason: str) -> Metric:
    async def measure(_sample: Sample) -> Measurement:
        return None, reason

    return measure


def _absence(exc: ImportError) -> str:
    return f"needs the package {exc.name}" if exc.name else "needs a package that is not installed"


def _lacking(sample: Sample, names: Sequence[str]) -> str:
    return next((f"no {name.replace('_', ' ')}" for name in names if not sample[name]), "")


def _judge_failure(exc: Exception) -> str:
    return f"the judge failed: {type(exc).__name__}"
