"""Embeddings by a sentence-transformers model in this process."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np

from rag_service.domain.fingerprints import EmbedderFingerprint
from rag_service.embedding.model_folder import ModelFolder, verify_packaged_weights
from rag_service.embedding.tokens import ModelTokenCounter
from rag_service.errors import EmbedderUnavailable
from rag_service.ports.vectors import DenseVector
from rag_service.settings import EmbeddingSettings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Encode = Callable[[Sequence[str]], DenseVector]

_SPECIAL_TOKENS = 2


class SentenceTransformerEmbedder:
    """Embedder by a local model, loaded once, when it is first needed."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        self._settings = settings
        self._folder = ModelFolder(settings.model, settings.revision)
        self._encode: Encode | None = None
        self._loading = threading.Lock()
        # One thread each: torch keeps a team of threads for every thread that calls it, and queries must not
        # queue behind the passages of an upload.
        self._for_queries = ThreadPoolExecutor(1, thread_name_prefix="embed-query")
        self._for_passages = ThreadPoolExecutor(1, thread_name_prefix="embed-passages")
        self.count_tokens = ModelTokenCounter(self._folder)

    @cached_property
    def fingerprint(self) -> EmbedderFingerprint:
        """Read from the model's describing files, without its weights."""
        return EmbedderFingerprint(
            model=self._settings.model,
            revision=self._folder.revision_name,
            dimensions=self._folder.dimensions,
            backend="torch",
            dtype="float32",
            pooling=self._folder.pooling,
            normalised=True,
            max_tokens=self._folder.max_tokens,
            query_prefix=self._folder.prompt("query"),
            passage_prefix=self._folder.prompt("document", "passage"),
        )

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
                self._encode = _load(self._settings, self._folder)
            return self._encode

    def _batches(self, texts: Sequence[str]) -> list[list[int]]:
        longest = self.fingerprint.max_tokens
        lengths = [min(self.count_tokens(text) + _SPECIAL_TOKENS, longest) for text in texts]
        return list(batches_of(lengths, budget=self._settings.batch_tokens))


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


def _load(settings: EmbeddingSettings, folder: ModelFolder) -> Encode:
    """Return the function that embeds a batch.

    Raises:
        Misconfigured: the packaged weights are not the known ones.
        EmbedderUnavailable: the model cannot be read or fetched.
    """
    if folder.is_packaged:
        verify_packaged_weights(folder.path)
    import torch  # noqa: PLC0415  (these imports take seconds: a process that embeds nothing goes without)
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    if settings.threads:
        torch.set_num_threads(settings.threads)
    disable_progress_bar()
    name = str(folder.path) if folder.is_packaged else folder.model
    try:
        model = SentenceTransformer(
            name, device=settings.device, revision=settings.revision or None, local_files_only=folder.is_packaged
        )
    except (OSError, ValueError, RuntimeError) as exc:
        raise EmbedderUnavailable(f"The embedding model {settings.model} cannot be loaded.") from exc
    return _encoding_with(model.float().eval())


def _encoding_with(model: "SentenceTransformer") -> Encode:
    import torch  # noqa: PLC0415

    def encode(texts: Sequence[str]) -> DenseVector:
        # The model's own modules, without SentenceTransformer.encode: for one query that costs a third more.
        with torch.inference_mode():
            features = {name: _moved(value, model) for name, value in model.preprocess(list(texts)).items()}
            vectors = torch.nn.functional.normalize(model(features)["sentence_embedding"].float(), dim=1)
        return cast("DenseVector", vectors.cpu().numpy())

    return encode


def _moved(value: object, model: "SentenceTransformer") -> object:
    return value.to(model.device) if hasattr(value, "to") else value
