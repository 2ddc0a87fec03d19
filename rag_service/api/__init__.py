"""The HTTP API: OpenAI's shapes for chat, models, files and vector stores, and our own resources beside them."""

from rag_service.api.install import install

__all__ = ["install"]
