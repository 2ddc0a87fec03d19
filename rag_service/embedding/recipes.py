"""Recipes of builds: what their parts can be opened from again, as JSON and without secrets."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from rag_service.domain.fingerprints import BuildFingerprint, ChunkerFingerprint
from rag_service.errors import Conflict
from rag_service.settings import EmbeddingSettings

_KEPT = ("backend", "model", "revision", "dimensions")

Recipe = Mapping[str, Any]


def recipe_of(settings: EmbeddingSettings, build: BuildFingerprint) -> dict[str, Any]:
    """Return the recipe of the build that these settings make."""
    embedding = {name: getattr(settings, name) for name in _KEPT}
    return {
        "embedding": embedding | {"base_url": _without_login(settings.base_url)},
        "embedder": asdict(build.embedder),
        "sparse": build.sparse,
        "chunker": asdict(build.chunker),
        "layout": build.layout,
    }


def embedding_settings(recipe: Recipe, current: EmbeddingSettings) -> EmbeddingSettings:
    """Return the settings of a recipe, with what is the machine's, not the build's, from the current ones.

    The key goes to the address that it was given for, and to no other.
    """
    noted = recipe["embedding"]
    is_same_address = noted["base_url"] == _without_login(current.base_url)
    values = current.model_dump() | noted
    values["api_key"] = current.api_key if is_same_address else SecretStr("")
    values["base_url"] = current.base_url if is_same_address else noted["base_url"]
    try:
        return EmbeddingSettings(**values)
    except ValidationError as exc:
        raise Conflict(f"This release knows no embedding backend {noted['backend']}.") from exc


def chunker_of(recipe: Recipe) -> ChunkerFingerprint:
    """Return what a recipe says about cutting."""
    return ChunkerFingerprint(**recipe["chunker"])


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
