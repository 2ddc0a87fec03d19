"""The embedder that the settings name, what looks at the tokens of its model, and the parts of builds made with it."""

from contextlib import AsyncExitStack

from rag_service.domain.fingerprints import BuildFingerprint
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.embedding.build_parts import OpenedEmbedder, PartsByRecipe
from rag_service.embedding.checked import CheckedEmbedder
from rag_service.embedding.kept import KeptEmbedder
from rag_service.embedding.local import LocalEmbedder, ModelRuntime
from rag_service.errors import Misconfigured
from rag_service.ports.build_parts import Parts
from rag_service.ports.kept_vectors import KeptVectors
from rag_service.ports.sparse_encoder import SparseEncoder
from rag_service.ports.token_embedder import TokenEmbedder
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


def open_token_embedder(settings: EmbeddingSettings, stack: AsyncExitStack, *, window_tokens: int) -> TokenEmbedder:
    """Return what embeds tokens, with its model not loaded yet; what it opens is closed with `stack`.

    Raises:
        Misconfigured: the embedder has no graph to read them from.
    """
    if settings.backend != "onnx":
        raise Misconfigured("RAG_RERANK__BACKEND=late_interaction needs RAG_EMBEDDING__BACKEND=onnx.")
    from rag_service.embedding.onnx_tokens import OnnxTokenEmbedder

    tokens = OnnxTokenEmbedder(settings, window_tokens=window_tokens)
    stack.push_async_callback(tokens.aclose)
    return tokens


def own_build_parts(
    settings: EmbeddingSettings,
    build: BuildFingerprint,
    opened: OpenedEmbedder,
    *,
    sparse_encoder: SparseEncoder,
    kept: KeptVectors,
) -> PartsByRecipe:
    """Return the parts of the service's own build; those of older builds are opened from their recipes."""
    own = Parts(
        fingerprint=build.digest,
        embedder=opened.embedder,
        vectors=KeptEmbedder(embedder=opened.embedder, kept=kept),
        sparse_encoder=sparse_encoder,
        chunker=build.chunker,
        count_tokens=opened.count_tokens,
    )
    return PartsByRecipe(
        own=own,
        settings=settings,
        open_embedder=open_embedder,
        open_sparse_encoder=Bm25Encoder.of,
        kept=kept,
    )


def _open_local(settings: EmbeddingSettings, runtime: ModelRuntime) -> OpenedEmbedder:
    local = LocalEmbedder(settings, runtime)

    async def close() -> None:
        local.close()

    return OpenedEmbedder(embedder=CheckedEmbedder(local), count_tokens=local.count_tokens, close=close, has_model=True)


async def _nothing_to_close() -> None:
    pass
