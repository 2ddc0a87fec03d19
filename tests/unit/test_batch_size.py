"""How large batches of passages are: as the backend likes them, unless somebody says otherwise."""

from collections.abc import Sequence

import numpy as np
import pytest

from rag_service.embedding.lanes import Encode
from rag_service.embedding.local import LocalEmbedder
from rag_service.embedding.model_folder import ModelFolder
from rag_service.embedding.onnx_runtime import OnnxRuntime
from rag_service.embedding.torch_runtime import TorchRuntime
from rag_service.ports.vectors import DenseVector
from rag_service.settings import EmbeddingSettings

TEXTS = ["one two three four five six seven"] * 64  # nine tokens each, with the special ones


class Noting:
    """A runtime that notes the sizes of its batches."""

    name = "noting"

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def parallel_batches(self, settings: EmbeddingSettings) -> int:
        return 1

    def batch_tokens(self, settings: EmbeddingSettings) -> int:
        return 72

    def load(self, settings: EmbeddingSettings, folder: ModelFolder, *, for_one: bool) -> Encode:
        return self._encode

    def _encode(self, texts: Sequence[str]) -> DenseVector:
        self.sizes.append(len(texts))
        return np.zeros((len(texts), 384), dtype=np.float32)


@pytest.mark.parametrize(("configured", "size"), [(0, 8), (144, 16)])
async def test_the_backend_chooses_unless_the_settings_do(configured: int, size: int) -> None:
    runtime = Noting()
    embedder = LocalEmbedder(EmbeddingSettings(batch_tokens=configured), runtime)

    await embedder.embed_passages(TEXTS)

    assert set(runtime.sizes) == {size}
    embedder.close()


def test_a_core_gets_small_batches_and_a_device_large_ones() -> None:
    settings = EmbeddingSettings(), EmbeddingSettings(device="cuda")

    assert OnnxRuntime().batch_tokens(settings[0]) < TorchRuntime().batch_tokens(settings[0])
    assert TorchRuntime().batch_tokens(settings[0]) < TorchRuntime().batch_tokens(settings[1])
