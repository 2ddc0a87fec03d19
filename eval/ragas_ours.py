"""The service's verifier and embedder as RAGAS metrics that need no judge, for use beside RAGAS's own.

What they are and are not: eval/metrics/judge_free.py.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from ragas.embeddings.base import BaseRagasEmbedding
from ragas.metrics.collections.base import BaseMetric
from ragas.metrics.result import MetricResult

Verdicts = Callable[[str, str, list[str]], list[bool]]
"""Question, response and contexts to whether each sentence of the response is supported."""


class VerifierFaithfulness(BaseMetric):
    """The share of sentences that the service's verifier finds supported by the contexts; NaN without sentences."""

    def __init__(self, verdicts: Verdicts, name: str = "verifier_faithfulness", **kwargs: Any) -> None:
        self._verdicts = verdicts
        super().__init__(name=name, **kwargs)

    async def ascore(  # type: ignore[override]  # as every RAGAS metric does
        self, user_input: str, response: str, retrieved_contexts: list[str]
    ) -> MetricResult:
        """Return the share, in [0, 1]."""
        verdicts = self._verdicts(user_input, response, list(retrieved_contexts))
        return MetricResult(value=sum(verdicts) / len(verdicts) if verdicts else float("nan"))


class EmbeddingRelevance(BaseMetric):
    """The cosine of question and answer: answer relevancy without questions made up by a judge."""

    def __init__(self, embeddings: BaseRagasEmbedding, name: str = "embedding_relevance", **kwargs: Any) -> None:
        self.embeddings = embeddings
        super().__init__(name=name, allowed_values=(-1.0, 1.0), **kwargs)

    async def ascore(self, user_input: str, response: str) -> MetricResult:  # type: ignore[override]  # see above
        """Return the cosine, in [-1, 1]."""
        asked = np.asarray(await self.embeddings.aembed_text(user_input))
        answered = np.asarray(await self.embeddings.aembed_text(response))
        return MetricResult(value=float(asked @ answered / (np.linalg.norm(asked) * np.linalg.norm(answered))))
