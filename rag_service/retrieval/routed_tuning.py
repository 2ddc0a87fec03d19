"""How builds are searched, of whichever engine serves."""

from collections.abc import Mapping

from rag_service.domain.ids import Fingerprint
from rag_service.domain.index_advice import SearchParameters
from rag_service.ports.index_tuning import IndexTuning
from rag_service.retrieval.fixed_tuning import FixedTuning
from rag_service.retrieval.routed import ReadRoute


class RoutedTuning:
    """Implements `ports.index_tuning.IndexTuning` over that of the serving engine; `tunings` has those that have any."""

    def __init__(self, *, tunings: Mapping[str, IndexTuning], route: ReadRoute) -> None:
        self._tunings = tunings
        self._route = route

    async def engine(self) -> str:
        """See the port."""
        return (await self._route()).serving

    async def read(self, fingerprint: Fingerprint) -> SearchParameters | None:
        """See the port."""
        return await (await self._serving()).read(fingerprint)

    async def trouble(self, fingerprint: Fingerprint) -> str | None:
        """See the port."""
        return await (await self._serving()).trouble(fingerprint)

    async def change(self, fingerprint: Fingerprint, parameters: SearchParameters) -> None:
        """See the port."""
        await (await self._serving()).change(fingerprint, parameters)

    async def _serving(self) -> IndexTuning:
        serving = await self.engine()
        return self._tunings.get(serving) or FixedTuning(serving)
