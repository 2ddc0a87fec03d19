"""Reranking by a cross-encoder in this process: any model that sentence-transformers loads as one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import numpy as np

from rag_service.errors import Misconfigured, RerankerUnavailable
from rag_service.settings import RerankSettings

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_CPU_TEXTS = 2
"""Read at once: few, so that little is lost when the budget ends between two batches."""
_DEVICE_TEXTS = 32


class CrossEncoderReranker:
    """Reranker by a model that reads query and passage as one text. Loaded when it is first needed."""

    def __init__(self, settings: RerankSettings) -> None:
        if not settings.model:
            raise Misconfigured("RAG_RERANK__BACKEND=cross_encoder needs RAG_RERANK__MODEL: a folder or a hub name.")
        self._settings = settings
        self._texts_at_once = _CPU_TEXTS if settings.device == "cpu" else _DEVICE_TEXTS
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rerank")
        self._model: CrossEncoder | None = None

    @property
    def name(self) -> str:
        """Backend and model."""
        return f"cross-encoder/{self._settings.model}"

    async def scores(self, query: str, texts: Sequence[str]) -> AsyncGenerator[Sequence[float], None]:
        """Yield the scores batch by batch."""
        for start in range(0, len(texts), self._texts_at_once):
            pairs = [(query, text) for text in texts[start : start + self._texts_at_once]]
            yield await asyncio.get_running_loop().run_in_executor(self._thread, self._predict, pairs)

    async def warm_up(self) -> None:
        """Load the model and run it once."""
        async for _ in self.scores("warm-up", ["warm-up"]):
            pass

    async def aclose(self) -> None:
        """Stop the thread; what it runs is finished first."""
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)

    def _predict(self, pairs: list[tuple[str, str]]) -> list[float]:
        try:
            found = self._loaded().predict(pairs, batch_size=len(pairs), show_progress_bar=False)
        except RuntimeError as exc:  # torch has no class of its own for a device that fails
            raise RerankerUnavailable(f"The reranking model {self._settings.model} cannot be run.") from exc
        scores = np.asarray(found, dtype=np.float64)
        if scores.shape != (len(pairs),) or not np.isfinite(scores).all():
            raise RerankerUnavailable(f"The model {self._settings.model} does not give one finite score for a passage.")
        return cast("list[float]", scores.tolist())

    def _loaded(self) -> "CrossEncoder":
        if self._model is None:
            self._model = _load(self._settings)
        return self._model


def _load(settings: RerankSettings) -> "CrossEncoder":
    from sentence_transformers import CrossEncoder  # noqa: PLC0415  (takes seconds: at first use, in the thread)
    from torch.nn import Identity  # noqa: PLC0415

    try:
        # Not squeezed into [0, 1]: there the best passages would all have the score 1.
        model = CrossEncoder(
            settings.model, device=settings.device, max_length=settings.window_tokens, activation_fn=Identity()
        )
    except (OSError, ValueError, RuntimeError) as exc:
        raise RerankerUnavailable(f"The reranking model {settings.model} cannot be loaded.") from exc
    return cast("CrossEncoder", model)
