"""Reranking by shared words: knows words, not meaning. For tests that must not wait for a model."""

from collections.abc import AsyncGenerator, Sequence

from rag_service.domain.words import STOP_WORDS, words


class WordOverlapReranker:
    """Reranker whose scores are the share, in [0, 1], of the query's words that a passage has."""

    name = "words"

    async def scores(self, query: str, texts: Sequence[str]) -> AsyncGenerator[Sequence[float], None]:
        """Yield one score at a time."""
        wanted = frozenset(words(query)) - STOP_WORDS
        for text in texts:
            yield [len(wanted.intersection(words(text))) / max(len(wanted), 1)]

    async def warm_up(self) -> None:
        """Nothing has to be loaded."""
