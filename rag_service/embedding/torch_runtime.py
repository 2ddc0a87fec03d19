"""Runs a model with sentence-transformers and torch: any model, any device torch knows."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from rag_service.embedding.lanes import Encode
from rag_service.embedding.model_folder import ModelFolder, verify_packaged_weights
from rag_service.errors import EmbedderUnavailable
from rag_service.ports.vectors import DenseVector
from rag_service.settings import EmbeddingSettings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_CPU_BATCH_TOKENS = 1024
_DEVICE_BATCH_TOKENS = 32_768


class TorchRuntime:
    """ModelRuntime by sentence-transformers as it is."""

    name = "torch"

    def __init__(self) -> None:
        self._encode: Encode | None = None
        self._loading = threading.Lock()

    def parallel_batches(self, settings: EmbeddingSettings) -> int:
        """One: torch spreads a batch over all threads, and keeps a team of them for every thread that calls it."""
        return 1

    def batch_tokens(self, settings: EmbeddingSettings) -> int:
        """Many on a device, which idles while it is handed small batches."""
        return _CPU_BATCH_TOKENS if settings.device == "cpu" else _DEVICE_BATCH_TOKENS

    def load(self, settings: EmbeddingSettings, folder: ModelFolder, *, for_one: bool) -> Encode:
        with self._loading:
            if self._encode is None:
                self._encode = _loaded(settings, folder)
            return self._encode


def _loaded(settings: EmbeddingSettings, folder: ModelFolder) -> Encode:
    import torch  # noqa: PLC0415  (these imports take seconds: a process that embeds nothing goes without)

    if settings.threads:
        torch.set_num_threads(settings.threads)
    return encoding_by(load_model(folder, device=settings.device))


def load_model(folder: ModelFolder, *, device: str, attention: str | None = None) -> "SentenceTransformer":
    """Return the model in float32, its weights checked where they are known; `attention` as transformers names it.

    Raises:
        Misconfigured: the packaged weights are not the known ones.
        EmbedderUnavailable: the model cannot be read or fetched.
    """
    if folder.is_packaged:
        verify_packaged_weights(folder.path)
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    disable_progress_bar()
    try:
        model = SentenceTransformer(
            str(folder.path) if folder.is_packaged else folder.model,
            device=device,
            revision=folder.revision or None,
            local_files_only=folder.is_packaged,
            model_kwargs={"attn_implementation": attention} if attention else None,
        )
    except (OSError, ValueError, RuntimeError) as exc:
        raise EmbedderUnavailable(f"The embedding model {folder.model} cannot be loaded.") from exc
    return cast("SentenceTransformer", model.float().eval())


def encoding_by(model: "SentenceTransformer") -> Encode:
    """Return the function that embeds a batch by the model."""
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
