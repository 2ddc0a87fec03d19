"""Embeddings by a model in this process, whichever library runs it."""

import asyncio
import math
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from typing import Protocol

import numpy as np

from rag_service.domain.fingerprints import EmbedderFingerprint
from rag_service.embedding.lanes import BatchLane, Encode, GatheringLane
from rag_service.embedding.model_folder import ModelFolder
from rag_service.embedding.tokens import ModelTokenCounter
from rag_service.ports.vectors import DenseVector
from rag_service.settings import EmbeddingSettings

_SPECIAL_TOKENS = 2


class ModelRuntime(Protocol):
    """A library that can run a sentence-transformers model."""

    @property
    def name(self) -> str:
        """What the fingerprint calls it."""

    def parallel_batches(self, settings: EmbeddingSettings) -> int:
        """How many batches of passages are best embedded at the same time."""

    def batch_tokens(self, settings: EmbeddingSettings) -> int:
        """How many tokens, padding included, a batch of passages best has."""

    def load(self, settings: EmbeddingSettings, folder: ModelFolder, *, for_one: bool) -> Encode:
        """Return the loaded model, set up for one short text at once or for batches; takes up to half a minute.

        Raises:
            Misconfigured: the packaged weights are not the known ones.
            EmbedderUnavailable: the model cannot be read, fetched or run.
        """


class LocalEmbedder:
    """Embedder by a local model, loaded once, when it is first needed."""

    def __init__(self, settings: EmbeddingSettings, runtime: ModelRuntime) -> None:
        self._runtime = runtime
        self._folder = ModelFolder(settings.model, settings.revision)
        self._parallel = runtime.parallel_batches(settings)
        self._batch_tokens = settings.batch_tokens or runtime.batch_tokens(settings)
        # Threads of their own: queries must not queue behind the passages of an upload.
        self._queries = GatheringLane(
            "embed-query", partial(runtime.load, settings, self._folder, for_one=True), length_of=self._length
        )
        self._passages = BatchLane(
            "embed-passages", self._parallel, partial(runtime.load, settings, self._folder, for_one=False)
        )
        self.count_tokens = ModelTokenCounter(self._folder)

    @cached_property
    def fingerprint(self) -> EmbedderFingerprint:
        """Read from the model's describing files, without its weights."""
        return fingerprint_of(self._folder, backend=self._runtime.name)

    async def embed_passages(self, texts: Sequence[str]) -> DenseVector:
        """Return one row per text; texts of like length share a batch, so that little is spent on padding."""
        vectors = np.empty((len(texts), self.fingerprint.dimensions), dtype=np.float32)
        prefix = self.fingerprint.passage_prefix
        left = iter(await asyncio.to_thread(self._batches, texts))

        async def embed_what_is_left() -> None:
            for places in left:
                vectors[places] = await self._passages.run([prefix + texts[place] for place in places])

        # Not all batches at once: those of another caller shall come in between.
        workers = [asyncio.create_task(embed_what_is_left()) for _ in range(self._parallel)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
        return vectors

    async def embed_query(self, text: str) -> DenseVector:
        """Return one unit vector."""
        return await self._queries.run(self.fingerprint.query_prefix + text)

    async def warm_up(self) -> None:
        """Load the model and run it once: the first run sets up its threads."""
        await self.embed_query("warm-up")

    def close(self) -> None:
        """Stop the threads; what they run is finished first."""
        self._queries.close()
        self._passages.close()

    def _batches(self, texts: Sequence[str]) -> list[list[int]]:
        lengths = [self._length(text) for text in texts]
        budget = even_budget(sum(lengths), most=self._batch_tokens, parallel=self._parallel)
        return list(batches_of(lengths, budget=budget))

    def _length(self, text: str) -> int:
        return min(self.count_tokens(text) + _SPECIAL_TOKENS, self.fingerprint.max_tokens)


def fingerprint_of(folder: ModelFolder, *, backend: str) -> EmbedderFingerprint:
    """Return what decides the vectors of the model in `folder` when `backend` runs it."""
    return EmbedderFingerprint(
        model=folder.model,
        revision=folder.revision_name,
        dimensions=folder.dimensions,
        backend=backend,
        dtype="float32",
        pooling=folder.pooling,
        normalised=True,
        max_tokens=folder.max_tokens,
        query_prefix=folder.prompt("query"),
        passage_prefix=folder.prompt("document", "passage"),
    )


def even_budget(tokens: int, *, most: int, parallel: int) -> int:
    """Return the size of batches, at most `most`, that gives each of the parallel threads as many of them."""
    rounds = max(1, math.ceil(tokens / (most * parallel)))
    return max(1, math.ceil(tokens / (rounds * parallel)))


def batches_of(lengths: Sequence[int], *, budget: int) -> Iterator[list[int]]:
    """Yield the places of `lengths`, shortest first, so that each batch padded to its longest is within `budget`.

    A text over the budget is a batch of its own.
    """
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[place] > budget:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
