"""Switch what people ask, back or forward, to a version that was published before."""

from collections.abc import Callable
from datetime import datetime

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.versions import Publication
from rag_service.errors import Conflict
from rag_service.ports.catalog import Catalog
from rag_service.use_cases.permissions import require


class Publish:
    """Rolls a corpus back, or forward again, with the update of one row."""

    def __init__(self, *, catalog: Catalog, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._clock = clock

    async def __call__(self, scope: AccessScope, *, corpus: str, number: int) -> Publication:
        """Make version `number` the published one.

        Raises:
            NotFound: no such corpus or version, or the key may not publish.
            Conflict: the version is published already, never was, or something else was published at this moment.
        """
        require(scope, Permission.PUBLISH, kind="corpus", ref=corpus)
        async with self._catalog.writing() as tx:
            target = await tx.corpora.get(scope, corpus)
            version = await tx.versions.get(scope, target.id, number)
            if version.published_at is None:
                raise Conflict(f"Version {number} was never published. Publish its draft {version.draft_id}.")
            return await tx.corpora.publish(scope, target.id, number, expected=target.published, now=self._clock())
