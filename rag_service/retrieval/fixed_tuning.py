"""Engines whose searches the service does not tune."""

from rag_service.domain.ids import Fingerprint
from rag_service.domain.index_advice import SearchParameters


class FixedTuning:
    """Implements `ports.index_tuning.IndexTuning` where there is nothing to choose."""

    def __init__(self, engine: str) -> None:
        self._engine = engine

    async def engine(self) -> str:
        """See the port."""
        return self._engine

    async def read(self, fingerprint: Fingerprint) -> SearchParameters | None:
        """Return None: how the engine searches is its own affair."""
        return None

    async def trouble(self, fingerprint: Fingerprint) -> str | None:
        """Return None: the engine tells its own troubles."""
        return None

    async def change(self, fingerprint: Fingerprint, parameters: SearchParameters) -> None:
        """Change nothing."""
