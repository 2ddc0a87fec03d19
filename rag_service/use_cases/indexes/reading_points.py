"""Reading points of an index by id: some of them, or a few spread over a whole build."""

from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from rag_service.domain.access import system_scope
from rag_service.domain.ids import Fingerprint, PointId
from rag_service.ports.snapshots import Probe
from rag_service.ports.vector_index import Candidate, Point, VectorIndex, Visible
from rag_service.ports.vectors import QueryVectors

HITS = 10
"""How many of the best hits of each side two readings are compared by."""

_ALL_IDS = 2**128


async def points_among(
    index: VectorIndex, fingerprint: Fingerprint, ids: Sequence[PointId]
) -> AsyncIterator[list[Point]]:
    """Yield those of the points that the index holds, in pages; `ids` are in order."""
    wanted = frozenset(ids)
    while ids:
        page = await page_from(index, fingerprint, ids[0])
        if not page:
            return
        yield [point for point in page if point.id in wanted]
        ids = ids[bisect_right(ids, page[-1].id) :]


async def in_parts(pages: AsyncIterator[Sequence[Point]], size: int) -> AsyncIterator[list[Point]]:
    """Yield the points of the pages in parts of `size`; the last may be smaller."""
    waiting: list[Point] = []
    async for page in pages:
        waiting += page
        while len(waiting) >= size:
            yield waiting[:size]
            waiting = waiting[size:]
    if waiting:
        yield waiting


async def page_from(index: VectorIndex, fingerprint: Fingerprint, first: PointId) -> Sequence[Point]:
    """Return the next points from the id `first` on, that one included; none when there are no more."""
    number = UUID(first).int
    after = PointId(str(UUID(int=number - 1))) if number else None
    return await anext(index.points(fingerprint, after=after), None) or []


async def spread_points(index: VectorIndex, fingerprint: Fingerprint, count: int) -> list[Point]:
    """Return about `count` points, spread evenly over a build: their ids are hashes."""
    chosen: dict[PointId, Point] = {}
    for number in range(count):
        page = await page_from(index, fingerprint, PointId(str(UUID(int=number * _ALL_IDS // count))))
        if page:
            chosen[page[0].id] = page[0]
    return list(chosen.values())


async def ask_like(index: VectorIndex, fingerprint: Fingerprint, point: Point, *, exact: bool) -> list[Candidate]:
    """Return the best hits for the question that is worded as the chunk of a point."""
    return await ask_probe(index, fingerprint, probe_like(point), exact=exact)


def probe_like(point: Point, found: Sequence[Candidate] = ()) -> Probe:
    """Return a question that is worded as the chunk of `point`, at the version it was born at."""
    return Probe(
        tenant_id=point.tenant_id,
        corpus_id=point.corpus_id,
        version=point.born,
        query=QueryVectors(dense=point.dense, sparse=point.sparse),
        found=found,
    )


async def ask_probe(
    index: VectorIndex, fingerprint: Fingerprint, probe: Probe, *, exact: bool = True
) -> list[Candidate]:
    """Return the best hits for a question."""
    among = Visible(scope=system_scope(probe.tenant_id), corpus_id=probe.corpus_id, version=probe.version)
    return await index.search(fingerprint, probe.query, among=among, limit=HITS, exact=exact)
