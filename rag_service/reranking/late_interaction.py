"""Reranking by late interaction: every token of the query looks for the token of the passage that is nearest to it.

As in ColBERT (Khattab and Zaharia 2020), with the token vectors of the embedding model, so that no other is needed.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import numpy as np

from rag_service.errors import EmbedderUnavailable, RerankerUnavailable
from rag_service.ports.token_embedder import TokenEmbedder, TokenVectors

_FARTHEST = -1.0

_KNOWN_SHARE = 0.5
"""Of a query's tokens. Below lie queries of other scripts than the model's: on XQuAD all Chinese, Arabic and nearly all
Thai ones, which a model of English orders worse than chance, and one English or German query in four hundred."""


class LateInteractionReranker:
    """Reranker whose scores are mean cosines, in [-1, 1]; rare words of the query count more than common ones.

    All passages have the same score where the model does not know the query's words.
    """

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
            if not is_known(asked):
                yield [0.0] * len(texts)
                return
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


def is_known(query: TokenVectors) -> bool:
    """Say whether most tokens of the query are words, or parts of words, that the model knows."""
    return len(query.weights) > 0 and float(np.mean(query.weights > 0)) >= _KNOWN_SHARE


def nearness(query: TokenVectors, passage: TokenVectors) -> float:
    """Return the mean, over the query's tokens by weight, of the cosine to the nearest token of the passage."""
    if not len(passage.vectors):
        return _FARTHEST
    nearest = (query.vectors @ passage.vectors.T).max(axis=1)
    return float(np.average(nearest, weights=query.weights))
