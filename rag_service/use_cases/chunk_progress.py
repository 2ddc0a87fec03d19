"""How far a version is on its way into the index, or out of it, for those who watch its job."""

from collections.abc import Callable

from rag_service.domain.access import AccessScope
from rag_service.domain.versions import VersionDifference
from rag_service.ports.catalog import Catalog

OnChunks = Callable[[int, int], None]
"""Called with how many chunks are done, and how many there are."""


def unheard(_done: int, _total: int) -> None:
    """Tell nobody."""


class ChunkProgress:
    """Counts chunks towards a total that may be a little wrong: another build cuts the same texts into others."""

    def __init__(self, on_chunks: OnChunks, *, total: int) -> None:
        self._on_chunks = on_chunks
        self._total = total
        self._done = 0
        on_chunks(0, total)

    def add(self, chunks: int) -> None:
        """So many more are done."""
        self._done += chunks
        self._on_chunks(min(self._done, self._total), self._total)


async def progress_over(
    catalog: Catalog, scope: AccessScope, moved: VersionDifference, on_chunks: OnChunks
) -> ChunkProgress:
    """Return the progress of what is born and what dies."""
    members = sorted({*moved.born, *moved.died})
    async with catalog.reading() as tx:
        revisions = await tx.documents.revisions(scope, members)
    return ChunkProgress(on_chunks, total=sum(revision.chunk_count for revision in revisions.values()))
