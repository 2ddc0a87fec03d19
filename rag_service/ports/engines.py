"""The vector indexes that this installation can open, each by the name of its engine."""

from typing import Protocol

from rag_service.domain.ids import Fingerprint
from rag_service.ports.vector_index import VectorIndex


class Engines(Protocol):
    """Engines by name, as in RAG_RETRIEVAL__BACKEND; each is opened when it is first asked for."""

    @property
    def names(self) -> list[str]:
        """Those that may be asked for, by name."""

    def __call__(self, name: str) -> VectorIndex:
        """Return the index of an engine.

        Raises:
            InvalidRequest: there is no such engine.
            Misconfigured: it cannot be opened.
        """


class StandIn(Protocol):
    """Tells what may be searched in place of the serving engine."""

    async def __call__(self, fingerprint: Fingerprint, /) -> VectorIndex | None:
        """Return an index that holds the same of a build, as far as is known; None while there is none."""


async def no_stand_in(_fingerprint: Fingerprint) -> VectorIndex | None:
    """Return None: there is one engine."""
    return None
