"""Embeddings by a model in this process, whichever library runs it."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Protocol, cast

import numpy as np

from rag_service.domain.fingerprints import EmbedderFingerprint
from rag_service.embedding.model_folder import ModelFolder
from rag_service.embedding.tokens import ModelTokenCounter
from rag_service.ports.vectors import DenseVector
from rag_service.settings import EmbeddingSettings

Encode = Callable[[Sequence[str]], DenseVector]
"""Embeds one batch: one unit vector per text, in order. May be called by two threads at once."""

_SPECIAL_TOKENS = 2


class ModelRuntime(Protocol):
    """A library that can run a sentence-transformers model."""

    @property
    def name(self) -> str:
        """What the fingerprint calls it."""

    def load(self, settings: EmbeddingSettings, folder: ModelFolder) -> Encode:
        """Return the loaded model; takes up to half a minute.

        Raises:
            Misconfigured: the packaged weights are not the known ones.
            EmbedderUnavailable: the model cannot be read, fetched or run.
        """


class LocalEmbedder:
    """Embedder by a local model, loaded once, when it is first needed."""

    def __init__(self, settings: EmbeddingSettings, runtime: ModelRuntime) -> None:
        self._settings = settings
        self._runtime = runtime
        self._folder = ModelFolder(settings.model, settings.revision)
        self._encode: Encode | None = None
        self._loading = threading.Lock()
        # One thread each: queries must not queue behind the passages of an upload.
        self._for_queries = ThreadPoolExecutor(1, thread_name_prefix="embed-query")
        self._for_passages = ThreadPoolExecutor(1, thread_name_prefix="embed-passages")
        self.count_tokens = ModelTokenCounter(self._folder)

    @cached_property
    def fingerprint(self) -> EmbedderFingerprint:
        """Read from the model's describing files, without its weights."""
        return fingerprint_of(self._folder, backend=self._runtime.name)

    async def embed_passages(self, texts: Sequence[str]) -> DenseVector:
        """Return one row per text; texts of like length share a batch, so that little is spent on padding."""
        vectors = np.empty((len(texts), self.fingerprint.dimensions), dtype=np.float32)
        prefix = self.fingerprint.passage_prefix
        for places in await asyncio.to_thread(self._batches, texts):
            vectors[places] = await self._run(self._for_passages, [prefix + texts[place] for place in places])
        return vectors

    async def embed_query(self, text: str) -> DenseVector:
        """Return one unit vector."""
        vectors = await self._run(self._for_queries, [self.fingerprint.query_prefix + text])
        return cast("DenseVector", vectors[0])

    async def warm_up(self) -> None:
        """Load the model and run it once: the first run sets up its threads."""
        await self.embed_query("warm-up")

    def close(self) -> None:
        """Stop the threads; what they run is finished first."""
        self._for_queries.shutdown(wait=True, cancel_futures=True)
        self._for_passages.shutdown(wait=True, cancel_futures=True)

    async def _run(self, executor: ThreadPoolExecutor, texts: Sequence[str]) -> DenseVector:
        return await asyncio.get_running_loop().run_in_executor(executor, lambda: self._loaded()(texts))

    def _loaded(self) -> Encode:
        with self._loading:
            if self._encode is None:
                self._encode = self._runtime.load(self._settings, self._folder)
            return self._encode

    def _batches(self, texts: Sequence[str]) -> list[list[int]]:
        longest = self.fingerprint.max_tokens
        lengths = [min(self.count_tokens(text) + _SPECIAL_TOKENS, longest) for text in texts]
        return list(batches_of(lengths, budget=self._settings.batch_tokens))


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
