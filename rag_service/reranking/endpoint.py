"""Reranking by a server: POST {base_url}/rerank as vLLM, Jina, Cohere, Infinity and llama.cpp answer it."""

import math
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import httpx

from rag_service.errors import Misconfigured, RerankerUnavailable
from rag_service.settings import RerankSettings

_TIMEOUT_S = 30.0
"""Of a caller that sets no budget."""

_CHARS_PER_TOKEN = 8


class RerankEndpoint:
    """Reranker by one request for all texts."""

    def __init__(self, settings: RerankSettings) -> None:
        if not (settings.base_url and settings.model):
            raise Misconfigured("RAG_RERANK__BACKEND=endpoint needs RAG_RERANK__BASE_URL and RAG_RERANK__MODEL.")
        self._model = settings.model
        # The server cuts by tokens of its own; this keeps what it would cut anyway off the line.
        self._max_chars = settings.window_tokens * _CHARS_PER_TOKEN
        key = settings.api_key.get_secret_value()
        self._client = httpx.AsyncClient(
            base_url=settings.base_url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=_TIMEOUT_S,
        )

    @property
    def name(self) -> str:
        """Backend and model."""
        return f"endpoint/{self._model}"

    async def scores(self, query: str, texts: Sequence[str]) -> AsyncGenerator[Sequence[float], None]:
        """Yield all scores at once."""
        if texts:
            yield await self._request(query, [text[: self._max_chars] for text in texts])

    async def warm_up(self) -> None:
        """Ask once: a wrong address or key shows at the start."""
        await self._request("warm-up", ["warm-up"])

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _request(self, query: str, texts: Sequence[str]) -> list[float]:
        body = {"model": self._model, "query": query, "documents": list(texts), "top_n": len(texts)}
        try:
            reply = await self._client.post("rerank", json=body)
            reply.raise_for_status()
            return _scores_in_order(reply.json(), count=len(texts))
        except httpx.HTTPStatusError as exc:
            raise RerankerUnavailable(f"The rerank endpoint answered {exc.response.status_code}.") from exc
        except httpx.HTTPError as exc:
            raise RerankerUnavailable(f"The rerank endpoint cannot be reached: {type(exc).__name__}.") from exc
        except (ValueError, KeyError, TypeError) as exc:
            raise RerankerUnavailable("The rerank endpoint sent something else than a score for each text.") from exc


def _scores_in_order(reply: dict[str, Any], *, count: int) -> list[float]:
    """Return one score per text; a reply that lacks one, or has one that is no number, is a ValueError."""
    by_place = {int(row["index"]): float(row["relevance_score"]) for row in reply["results"]}
    if by_place.keys() != set(range(count)) or not all(map(math.isfinite, by_place.values())):
        raise ValueError("not one finite score for each text")
    return [by_place[place] for place in range(count)]
