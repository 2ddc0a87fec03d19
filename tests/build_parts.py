"""Parts of builds for tests that open nothing."""

from dataclasses import dataclass

from rag_service.domain.builds import Build
from rag_service.domain.fingerprints import CHUNKER_NAME, ChunkerFingerprint
from rag_service.domain.ids import Fingerprint
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.embedding.kept import KeptEmbedder
from rag_service.errors import Conflict
from rag_service.ports.build_parts import Parts
from rag_service.ports.embedder import Embedder
from rag_service.ports.kept_vectors import KeptVectors
from rag_service.ports.vectors import DenseVector

CHUNKER = ChunkerFingerprint(name=CHUNKER_NAME, target_tokens=254, overlap_tokens=0, heading_prefix=True)


class NothingKept:
    """Keeps no vectors."""

    async def find(self, tenant_id: str, embedder: str, hashes: object) -> dict[str, DenseVector]:
        """Find nothing."""
        return {}

    async def keep(self, tenant_id: str, embedder: str, vectors: object) -> None:
        """Forget it."""


@dataclass(frozen=True)
class OwnParts:
    """Has the service's own parts, and can open no others."""

    own: Parts

    async def of(self, build: Build) -> Parts:
        """Return the own parts for the own build."""
        if build.fingerprint != self.own.fingerprint:
            raise Conflict("The corpus was built with RAG_EMBEDDING__MODEL=another, which cannot be opened any more.")
        return self.own


def own_parts(
    fingerprint: Fingerprint, embedder: Embedder | None = None, *, kept: KeptVectors | None = None
) -> OwnParts:
    """Return parts that hash words."""
    hashing = embedder or HashingEmbedder()
    return OwnParts(
        Parts(
            fingerprint=fingerprint,
            embedder=hashing,
            vectors=KeptEmbedder(embedder=hashing, kept=kept or NothingKept()),
            sparse_encoder=Bm25Encoder(),
            chunker=CHUNKER,
            count_tokens=HashingEmbedder().count_tokens,
        )
    )
