"""The generator that the settings name."""

from rag_service.errors import Misconfigured
from rag_service.generation.fallback import FallbackGenerator
from rag_service.ports.generator import Generator
from rag_service.settings import GenerationSettings


def open_generator(settings: GenerationSettings, extractive: Generator) -> Generator:
    """Return the generator; `extractive` is what is left where another one fails."""
    match settings.backend:
        case "extractive":
            return extractive
        case "openai":
            if not (settings.base_url and settings.model):
                raise Misconfigured("RAG_GENERATION__BACKEND=openai needs RAG_GENERATION__BASE_URL and …__MODEL.")
            from rag_service.generation.openai_compatible import OpenAICompatibleGenerator

            return FallbackGenerator(OpenAICompatibleGenerator(settings), extractive)
