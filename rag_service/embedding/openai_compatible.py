"""Embeddings from an OpenAI-compatible endpoint."""

from collections.abc import Sequence
from typing import Any, cast

import httpx
import numpy as np

from rag_service.domain.fingerprints import EmbedderFingerprint
from rag_service.embedding.tokens import ModelTokenCounter
from rag_service.errors import EmbedderUnavailable, Misconfigured
from rag_service.ports.vectors import DenseVector
from rag_service.settings import EmbeddingSettings

_TIMEOUT_S = 60.0
_TEXTS_PER_REQUEST = 64
_MAX_TOKENS = 8192


class OpenAIEmbedder:
    """Embedder by POST {base_url}/embeddings. `count_tokens` estimates with the packaged model's tokenizer."""

    def __init__(self, settings: EmbeddingSettings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        if not settings.base_url:
            raise Misconfigured("RAG_EMBEDDING__BASE_URL is needed for the backend openai.")
        self._settings = settings
        key = settings.api_key.get_secret_value()
        self._client = httpx.AsyncClient(
            base_url=settings.base_url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=_TIMEOUT_S,
            transport=transport,
        )
        self.count_tokens = ModelTokenCounter()

    @property
    def fingerprint(self) -> EmbedderFingerprint:
        """What the endpoint is configured to be; two endpoints of one model and revision are taken as equal."""
        return EmbedderFingerprint(
            model=self._settings.model,
            revision=self._settings.revision,
            dimensions=self._settings.dimensions,
            backend="openai",
            dtype="float32",
            pooling="endpoint",
            normalised=True,
            max_tokens=_MAX_TOKENS,
        )

    async def embed_passages(self, texts: Sequence[str]) -> DenseVector:
        """Return one row per text."""
        vectors = np.empty((len(texts), self._settings.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _TEXTS_PER_REQUEST):
            part = texts[start : start + _TEXTS_PER_REQUEST]
            vectors[start : start + len(part)] = await self._request(part)
        return vectors

    async def embed_query(self, text: str) -> DenseVector:
        """Return one unit vector."""
        return cast("DenseVector", (await self._request([text]))[0])

    async def warm_up(self) -> None:
        """Ask once: a wrong address or key shows at the start and not at the first question."""
        await self.embed_query("warm-up")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _request(self, texts: Sequence[str]) -> DenseVector:
        body = {"model": self._settings.model, "input": list(texts), "encoding_format": "float"}
        try:
            reply = await self._client.post("embeddings", json=body)
            reply.raise_for_status()
            rows = _rows_in_order(reply.json())
        except httpx.HTTPStatusError as exc:
            raise EmbedderUnavailable(f"The embeddings endpoint answered {exc.response.status_code}.") from exc
        except httpx.HTTPError as exc:
            raise EmbedderUnavailable(f"The embeddings endpoint cannot be reached: {type(exc).__name__}.") from exc
        except (ValueError, KeyError, TypeError) as exc:
            raise EmbedderUnavailable("The embeddings endpoint sent something else than embeddings.") from exc
        return self._unit_rows(rows, count=len(texts))

    def _unit_rows(self, rows: list[list[float]], *, count: int) -> DenseVector:
        sizes = {len(row) for row in rows}
        if len(rows) == count and sizes != {self._settings.dimensions}:
            raise Misconfigured(
                f"The endpoint's vectors have {sizes.pop()} dimensions, RAG_EMBEDDING__DIMENSIONS says {self._settings.dimensions}."
            )
        matrix = np.array(rows, dtype=np.float64)
        lengths = np.linalg.norm(matrix, axis=1, keepdims=True) if len(rows) == count else np.zeros(1)
        if not np.isfinite(lengths).all() or (lengths == 0).any():
            raise EmbedderUnavailable("The embeddings endpoint sent vectors that are missing, zero or not finite.")
        return (matrix / lengths).astype(np.float32)


def _rows_in_order(reply: dict[str, Any]) -> list[list[float]]:
    return [list(row["embedding"]) for row in sorted(reply["data"], key=lambda row: int(row["index"]))]
