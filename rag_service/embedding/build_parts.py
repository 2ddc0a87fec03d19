"""The parts of builds: the service's own, and those of older builds, opened from their recipes when they are needed."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace

from rag_service.domain.builds import Build
from rag_service.domain.fingerprints import POINT_LAYOUT, BuildFingerprint
from rag_service.embedding.kept import KeptEmbedder
from rag_service.embedding.recipes import chunker_of, embedding_settings
from rag_service.errors import Conflict, EmbedderUnavailable, Misconfigured
from rag_service.ports.build_parts import Parts
from rag_service.ports.embedder import Embedder, TokenCounter
from rag_service.ports.kept_vectors import KeptVectors
from rag_service.ports.sparse_encoder import SparseEncoder
from rag_service.settings import EmbeddingSettings

OTHER_MODELS = 1
"""Models of older builds in memory at once, beside the service's own."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenedEmbedder:
    """An embedder and what belongs to it. `has_model`: it keeps a model in memory, which is freed with it."""

    embedder: Embedder
    count_tokens: TokenCounter
    close: Callable[[], Awaitable[None]]
    has_model: bool


class PartsByRecipe:
    """Implements `ports.build_parts.BuildParts`.

    What is not needed any more is let go, not closed: a query that began with it ends with it.
    """

    def __init__(
        self,
        *,
        own: Parts,
        settings: EmbeddingSettings,
        open_embedder: Callable[[EmbeddingSettings], OpenedEmbedder],
        open_sparse_encoder: Callable[[str], SparseEncoder | None],
        kept: KeptVectors,
    ) -> None:
        self._own = own
        self._settings = settings
        self._open_embedder = open_embedder
        self._open_sparse_encoder = open_sparse_encoder
        self._kept = kept
        self._others: OrderedDict[str, OpenedEmbedder] = OrderedDict()
        self._opening = asyncio.Lock()

    @property
    def own(self) -> Parts:
        """Those that the service is configured with."""
        return self._own

    async def of(self, build: Build) -> Parts:
        """Return the parts of a build, or raise Conflict."""
        if build.fingerprint == self._own.fingerprint:
            return self._own
        if not build.recipe:
            raise Conflict(
                f"Build {build.fingerprint} is from a release that kept no recipe of it. Start the service once with the "
                "embedding and chunking settings it was made with, or rebuild the corpus."
            )
        parts = await self._embedding(build)
        own, noted = self._own.sparse_encoder, build.recipe["sparse"]
        sparse_encoder = own if noted == own.fingerprint else self._open_sparse_encoder(noted) or own
        made = replace(
            parts, fingerprint=build.fingerprint, chunker=chunker_of(build.recipe), sparse_encoder=sparse_encoder
        )
        _assert_makes(made, build)
        return made

    async def aclose(self) -> None:
        """Close what is open of older builds."""
        while self._others:
            _, opened = self._others.popitem()
            await opened.close()

    async def _embedding(self, build: Build) -> Parts:
        """Return parts that embed as the build does."""
        noted = build.recipe["embedder"]
        if noted == asdict(self._own.embedder.fingerprint):
            return self._own
        name = _name_of(build)
        async with self._opening:
            if name not in self._others:
                self._others[name] = await self._open(build)
                self._let_go()
            self._others.move_to_end(name)
            opened = self._others[name]
        vectors = KeptEmbedder(embedder=opened.embedder, kept=self._kept)
        return replace(self._own, embedder=opened.embedder, vectors=vectors, count_tokens=opened.count_tokens)

    async def _open(self, build: Build) -> OpenedEmbedder:
        settings = embedding_settings(build.recipe, self._settings)
        try:
            opened = await asyncio.to_thread(self._open_embedder, settings)
        except (EmbedderUnavailable, Misconfigured) as exc:
            raise _gone(settings, str(exc)) from exc
        try:
            await asyncio.to_thread(lambda: opened.embedder.fingerprint)  # reads files
        except (EmbedderUnavailable, Misconfigured) as exc:
            await opened.close()
            raise _gone(settings, str(exc)) from exc
        return opened

    def _let_go(self) -> None:
        models = [name for name, opened in self._others.items() if opened.has_model]
        for name in models[:-OTHER_MODELS]:
            del self._others[name]


def _name_of(build: Build) -> str:
    # Other chunkers over one embedder share it.
    return str(sorted(build.recipe["embedder"].items()))


def _assert_makes(parts: Parts, build: Build) -> None:
    sparse, embedder = parts.sparse_encoder.fingerprint, parts.embedder.fingerprint
    if BuildFingerprint(embedder=embedder, sparse=sparse, chunker=parts.chunker).digest == build.fingerprint:
        return
    if build.recipe.get("layout") != POINT_LAYOUT:
        raise Conflict("The corpus was indexed by another release. Rebuild the corpus.")
    if build.recipe["sparse"] != sparse:
        raise Conflict("The corpus was built with the sparse encoder of another release. Rebuild the corpus.")
    raise Conflict(
        f"RAG_EMBEDDING__MODEL={embedder.model} is another model now than the one that the corpus was built with. "
        "Rebuild the corpus."
    )


def _gone(settings: EmbeddingSettings, cause: str) -> Conflict:
    return Conflict(
        f"The corpus was built with RAG_EMBEDDING__BACKEND={settings.backend} and "
        f"RAG_EMBEDDING__MODEL={settings.model}, which cannot be opened any more: {cause} Rebuild the corpus."
    )
