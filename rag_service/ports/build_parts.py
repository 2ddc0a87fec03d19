"""What the points of a build are made with, and its queries are asked with."""

from dataclasses import dataclass
from typing import Protocol

from rag_service.domain.builds import Build
from rag_service.domain.fingerprints import ChunkerFingerprint
from rag_service.domain.ids import Fingerprint
from rag_service.ports.embedder import Embedder, TextVectors, TokenCounter
from rag_service.ports.sparse_encoder import SparseEncoder


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """The parts that a build's fingerprint names. `vectors` are those of `embedder`, kept."""

    fingerprint: Fingerprint
    embedder: Embedder
    vectors: TextVectors
    sparse_encoder: SparseEncoder
    chunker: ChunkerFingerprint
    count_tokens: TokenCounter


class BuildParts(Protocol):
    """Opens the parts of builds. The service's own are open always, of others a few at a time."""

    @property
    def own(self) -> Parts:
        """Those that the service is configured with: uploads are prepared with them."""

    async def of(self, build: Build) -> Parts:
        """Return the parts of a build; they may be used for as long as they are held.

        Raises:
            Conflict: they cannot be opened from its recipe, or would make other vectors: the message says which.
        """
