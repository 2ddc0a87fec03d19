"""The embedder that the settings name."""

from rag_service.embedding.build_parts import OpenedEmbedder
from rag_service.embedding.checked import CheckedEmbedder
from rag_service.embedding.local import LocalEmbedder, ModelRuntime
from rag_service.settings import EmbeddingSettings


def open_embedder(settings: EmbeddingSettings) -> OpenedEmbedder:
    """Return the embedder that the settings name, with its model not loaded yet."""
    match settings.backend:
        case "onnx":
            from rag_service.embedding.onnx_runtime import OnnxRuntime

            return _open_local(settings, OnnxRuntime())
        case "sentence_transformers":
            from rag_service.embedding.torch_runtime import TorchRuntime

            return _open_local(settings, TorchRuntime())
        case "openai":
            from rag_service.embedding.openai_compatible import OpenAIEmbedder

            remote = OpenAIEmbedder(settings)
            return OpenedEmbedder(
                embedder=CheckedEmbedder(remote),
                count_tokens=remote.count_tokens,
                close=remote.aclose,
                has_model=False,
            )
        case "hashing":
            from rag_service.embedding.hashing import HashingEmbedder

            hashing = HashingEmbedder(settings.dimensions)
            return OpenedEmbedder(
                embedder=CheckedEmbedder(hashing),
                count_tokens=hashing.count_tokens,
                close=_nothing_to_close,
                has_model=False,
            )


def _open_local(settings: EmbeddingSettings, runtime: ModelRuntime) -> OpenedEmbedder:
    local = LocalEmbedder(settings, runtime)

    async def close() -> None:
        local.close()

    return OpenedEmbedder(embedder=CheckedEmbedder(local), count_tokens=local.count_tokens, close=close, has_model=True)


async def _nothing_to_close() -> None:
    pass
