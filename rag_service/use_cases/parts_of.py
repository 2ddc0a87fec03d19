"""The parts of the build that something is done under."""

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.ports.build_parts import BuildParts, Parts
from rag_service.ports.catalog import Catalog


async def parts_of(
    catalog: Catalog, build_parts: BuildParts, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint
) -> Parts:
    """Return them; the service's own without a look at the catalog.

    Raises:
        NotFound: the corpus has no such build.
        Conflict: its parts cannot be opened.
    """
    if fingerprint == build_parts.own.fingerprint:
        return build_parts.own
    async with catalog.reading() as tx:
        build = await tx.builds.get(scope, corpus_id, fingerprint)
    return await build_parts.of(build)
