"""The reranker that the settings name."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from rag_service.ports.reranker import Reranker
from rag_service.ports.token_embedder import TokenEmbedder
from rag_service.settings import RerankSettings


def open_reranker(
    settings: RerankSettings, stack: AsyncExitStack, *, open_tokens: Callable[[], TokenEmbedder]
) -> Reranker | None:
    """Return the reranker, with its model not loaded yet, None for none; what it opens is closed with `stack`."""
    match settings.backend:
        case "none":
            return None
        case "late_interaction":
            from rag_service.reranking.late_interaction import LateInteractionReranker

            return LateInteractionReranker(open_tokens())
        case "cross_encoder":
            from rag_service.reranking.cross_encoder import CrossEncoderReranker

            model = CrossEncoderReranker(settings)
            stack.push_async_callback(model.aclose)
            return model
        case "endpoint":
            from rag_service.reranking.endpoint import RerankEndpoint

            endpoint = RerankEndpoint(settings)
            stack.push_async_callback(endpoint.aclose)
            return endpoint
        case "words":
            from rag_service.reranking.word_overlap import WordOverlapReranker

            return WordOverlapReranker()
