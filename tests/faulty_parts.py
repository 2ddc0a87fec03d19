"""Parts of a search that hang or refuse when they are told to, round real ones."""

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from rag_service.domain.fingerprints import EmbedderFingerprint
from rag_service.domain.ids import Fingerprint, PointId
from rag_service.errors import DependencyUnavailable, EmbedderUnavailable, IndexUnavailable
from rag_service.ports.embedder import Embedder
from rag_service.ports.vector_index import Candidate, VectorIndex
from rag_service.ports.vectors import DenseVector


class Mood(StrEnum):
    """Well: it answers. Slow: after a turn of the others. Hanging: never. Refusing: with an error, at once."""

    WELL = "well"
    SLOW = "slow"
    HANGING = "hanging"
    REFUSING = "refusing"


class _Moody:
    def __init__(self, unavailable: type[DependencyUnavailable]) -> None:
        self.mood = Mood.WELL
        self.calls = 0
        self._unavailable = unavailable

    async def behave(self) -> None:
        self.calls += 1
        match self.mood:
            case Mood.HANGING:
                await asyncio.Event().wait()
            case Mood.REFUSING:
                raise self._unavailable("It was told to refuse.")
            case Mood.SLOW:
                await asyncio.sleep(0.01)


class FaultyIndex(_Moody):
    """Searches the index inside, or does not; `calls` are searches. `reading` has the mood in which it reads vectors."""

    def __init__(self, inner: VectorIndex) -> None:
        super().__init__(IndexUnavailable)
        self.reading = _Moody(IndexUnavailable)
        self._inner = inner

    async def search(self, *args: Any, **asked: Any) -> list[Candidate]:
        """Search."""
        await self.behave()
        return await self._inner.search(*args, **asked)

    async def dense_vectors(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> Mapping[PointId, DenseVector]:
        """Read vectors."""
        await self.reading.behave()
        return await self._inner.dense_vectors(fingerprint, ids)

    def __getattr__(self, name: str) -> Any:
        """Leave all else to the index inside."""
        return getattr(self._inner, name)


class FaultyEmbedder(_Moody):
    """Embeds by the embedder inside, or does not; `calls` are queries."""

    def __init__(self, inner: Embedder) -> None:
        super().__init__(EmbedderUnavailable)
        self._inner = inner

    @property
    def fingerprint(self) -> EmbedderFingerprint:
        """That of the embedder inside."""
        return self._inner.fingerprint

    async def embed_passages(self, texts: Sequence[str]) -> DenseVector:
        """Embed passages."""
        await self.behave()
        return await self._inner.embed_passages(texts)

    async def embed_query(self, text: str) -> DenseVector:
        """Embed a query."""
        await self.behave()
        return await self._inner.embed_query(text)

    async def warm_up(self) -> None:
        """Warm it up."""
        await self.embed_query("warm-up")
