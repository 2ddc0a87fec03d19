"""How a build is searched, where the service may choose it."""

from typing import Protocol

from rag_service.domain.ids import Fingerprint
from rag_service.domain.index_advice import SearchParameters


class IndexTuning(Protocol):
    """Parameters that a check changes and the engine goes by from the next search on.

    Raises:
        IndexUnavailable: what is kept of them cannot be read or written now.
    """

    async def engine(self) -> str:
        """Return the name of the engine that serves."""

    async def read(self, fingerprint: Fingerprint) -> SearchParameters | None:
        """Return how a build is searched; None when that is not the service's to choose, or the build is not there."""

    async def trouble(self, fingerprint: Fingerprint) -> str | None:
        """Return why the build's search structures could not be built the last time; None when they could."""

    async def change(self, fingerprint: Fingerprint, parameters: SearchParameters) -> None:
        """Let a build be searched like that. One that is not there is left alone."""
