"""Keep vectors that come with rows, before the rows do: then nothing of these is embedded."""

import asyncio
from collections.abc import Sequence

import numpy as np

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.chunk_room import ChunkRoom, room_within
from rag_service.domain.documents import embedded_text
from rag_service.domain.fingerprints import digest_of
from rag_service.domain.given_vectors import GivenVector, WantedVectors, check_given, text_of_row
from rag_service.domain.rows import Row
from rag_service.domain.spans import sha256_of
from rag_service.ports.build_parts import BuildParts
from rag_service.ports.catalog import Catalog
from rag_service.ports.kept_vectors import KeptVectors
from rag_service.ports.vectors import DenseVector
from rag_service.use_cases.permissions import require


class KeepGivenVectors:
    """Keeps a vector under the text of the one chunk that its row becomes; a row of several chunks is embedded.

    What is kept of a text already stays. A vector that no row follows goes with the next erasure of the tenant.
    """

    def __init__(self, *, catalog: Catalog, build_parts: BuildParts, kept: KeptVectors) -> None:
        self._catalog = catalog
        self._parts = build_parts.own
        self._kept = kept

    async def wanted(self, scope: AccessScope, *, corpus: str) -> WantedVectors:
        """Return what vectors have to be.

        Raises:
            NotFound: no such corpus, or the key may not do this.
        """
        await self._require(scope, corpus)
        fingerprint = self._parts.embedder.fingerprint
        return WantedVectors(
            dimensions=fingerprint.dimensions, model=fingerprint.model, embedder=digest_of(fingerprint)
        )

    async def __call__(self, scope: AccessScope, *, corpus: str, given: Sequence[GivenVector]) -> list[bool]:
        """Return, in order, whether each vector is kept; a row whose vector is not will be embedded.

        Raises:
            NotFound: no such corpus, or the key may not do this: it decides what texts are found by.
            InvalidRequest: a vector cannot be used, and none is kept; the message says which.
        """
        wanted = await self.wanted(scope, corpus=corpus)
        for one in given:
            check_given(one, wanted)
        texts = await asyncio.to_thread(lambda: [self._text(one.row) for one in given])
        vectors = {
            sha256_of(text): _unit(one.vector) for one, text in zip(given, texts, strict=True) if text is not None
        }
        await self._kept.keep(scope.tenant_id, wanted.embedder, vectors)
        return [text is not None for text in texts]

    async def _require(self, scope: AccessScope, corpus: str) -> None:
        require(scope, Permission.ADMIN, kind="corpus", ref=corpus)
        async with self._catalog.reading() as tx:
            await tx.corpora.get(scope, corpus)

    def _text(self, row: Row) -> str | None:
        """Return what is embedded of a row that becomes one chunk, None for others."""
        found = text_of_row(row)
        if found is None:
            return None
        headings, text = found
        if headings and not self._parts.chunker.heading_prefix:
            return None
        room = self._room()
        above, whole = room.taken_by(headings), embedded_text(headings, text)
        fits = above <= room.for_headings and room.count(text) <= room.target - above
        return whole if fits and room.count(whole) <= room.target else None

    def _room(self) -> ChunkRoom:
        return room_within(
            self._parts.chunker.target_tokens,
            max_tokens=self._parts.embedder.fingerprint.max_tokens,
            count_tokens=self._parts.count_tokens,
        )


def _unit(vector: Sequence[float]) -> DenseVector:
    whole = np.array(vector, dtype=np.float64)
    unit: DenseVector = (whole / np.linalg.norm(whole)).astype(np.float32)
    return unit
