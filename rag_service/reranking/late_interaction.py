"""Reranking by late interaction: every token of the query looks for the token of the passage that is nearest to it.

As in ColBERT (Khattab and Zaharia 2020), with the token vectors of the embedding model, so that no other is needed.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import numpy as np

from rag_service.errors import EmbedderUnavailable, RerankerUnavailable
from rag_service.ports.token_embedder import TokenEmbedder, TokenVectors

_FARTHEST = -1.0


class LateInteractionReranker:
    """Reranker whose scores are mean cosines, in [-1, 1]; rare words of the query count more than common ones."""

    def __init__(self, tokens: TokenEmbedder) -> None:
        self._tokens = tokens

    @property
    def name(self) -> str:
        """Backend and model."""
        return f"late-interaction/{self._tokens.name}"

    async def scores(self, query: str, texts: Sequence[str]) -> AsyncGenerator[Sequence[float], None]:
        """Yield one score at a time, while the next texts are embedded."""
        tasks = [asyncio.create_task(self._tokens.embed_tokens(text)) for text in (query, *texts)]
        try:
            asked = await tasks[0]
            for task in tasks[1:]:
                yield [nearness(asked, await task)]
        except EmbedderUnavailable as exc:
            raise RerankerUnavailable(f"The tokens' vectors cannot be computed: {exc}") from exc
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def warm_up(self) -> None:
        """Load the model and run it once.

        Raises:
            RerankerUnavailable: it cannot be loaded.
        """
        async for _ in self.scores("warm-up", ["warm-up"]):
            pass


def nearness(query: TokenVectors, passage: TokenVectors) -> float:
    """Return the mean, over the query's tokens by weight, of the cosine to the nearest token of the passage.

    Where none of the query's tokens tells anything, all count the same.
    """
    if not (len(query.vectors) and len(passage.vectors)):
        return _FARTHEST
    weights = query.weights if query.weights.any() else np.ones_like(query.weights)
    nearest = (query.vectors @ passage.vectors.T).max(axis=1)
    return float(np.average(nearest, weights=weights))
