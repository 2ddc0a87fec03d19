"""Bring what one engine holds to what another one holds, until nothing differs."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from rag_service.domain.ids import CorpusId, Fingerprint, PointId
from rag_service.errors import Conflict
from rag_service.ports.vector_index import PointState, VectorIndex
from rag_service.use_cases.indexes.copy_builds import readable_builds
from rag_service.use_cases.indexes.copy_points import CopyPoints, Still
from rag_service.use_cases.indexes.reading_points import points_among
from rag_service.use_cases.indexes.telling import OnStep

_ROUNDS = 20
_BATCH = 2_000
_PAUSE_S = 0.5
"""Between two rounds: a write that reaches one engine is on its way to the other."""


class EvenOut:
    """Compares the states of all points, looks at what differs once more, and writes it anew. Vectors follow from ids.

    `still` raises Conflict when nothing is to be removed from the target any more.
    """

    def __init__(self, *, copy: CopyPoints, still: Still, pause_s: float = _PAUSE_S) -> None:
        self._copy = copy
        self._still = still
        self._pause_s = pause_s

    async def __call__(self, source: VectorIndex, target: VectorIndex, *, on_step: OnStep) -> int:
        """Return how many points were mended until a round found nothing.

        Raises:
            Conflict: a build cannot be read, something differs still after many rounds, or the target is not to be
                changed any more.
        """
        mended = 0
        for number in range(1, _ROUNDS + 1):
            on_step(f"comparing all points, round {number}")
            differing = await self._round(source, target)
            if not differing:
                return mended
            mended += differing
            await asyncio.sleep(self._pause_s)
        raise Conflict(f"The two engines still differ after {_ROUNDS} rounds. Try again when less is written.")

    async def _round(self, source: VectorIndex, target: VectorIndex) -> int:
        # The target first: what is written reaches the source before it.
        held = await target.builds()
        wanted = await readable_builds(source)
        for left_over in sorted(set(held) - set(wanted)):
            await self._still()
            await target.drop(left_over)
        return sum([await self._build(source, target, fingerprint) for fingerprint in sorted(wanted)])

    async def _build(self, source: VectorIndex, target: VectorIndex, fingerprint: Fingerprint) -> int:
        corpora = {*await source.corpora(fingerprint), *await target.corpora(fingerprint)}
        return sum([await self._corpus(source, target, fingerprint, corpus_id) for corpus_id in sorted(corpora)])

    async def _corpus(
        self, source: VectorIndex, target: VectorIndex, fingerprint: Fingerprint, corpus_id: CorpusId
    ) -> int:
        differing = [
            point_id
            async for point_id in _differing(
                source.states(fingerprint, corpus_id=corpus_id), target.states(fingerprint, corpus_id=corpus_id)
            )
        ]
        for start in range(0, len(differing), _BATCH):
            await self._mend(source, target, fingerprint, differing[start : start + _BATCH])
        return len(differing)

    async def _mend(
        self, source: VectorIndex, target: VectorIndex, fingerprint: Fingerprint, ids: Sequence[PointId]
    ) -> None:
        absent = set(ids)
        async for points in points_among(source, fingerprint, ids):
            await self._copy(target, fingerprint, points)
            absent -= {point.id for point in points}
        if absent:
            await self._still()
            await target.purge(fingerprint, sorted(absent))
            # Perhaps erased, while the copy was under way.
            await target.compact(fingerprint)


async def _differing(
    source: AsyncIterator[Sequence[PointState]], target: AsyncIterator[Sequence[PointState]]
) -> AsyncIterator[PointId]:
    """Yield in order the ids of points that only one side has, or that are not the same on both."""
    ours, theirs = _each(source), _each(target)
    mine, other = await anext(ours, None), await anext(theirs, None)
    while mine is not None or other is not None:
        if mine is not None and (other is None or mine.id < other.id):
            yield mine.id
            mine = await anext(ours, None)
        elif other is not None and (mine is None or other.id < mine.id):
            yield other.id
            other = await anext(theirs, None)
        else:
            if mine is not None and mine != other:
                yield mine.id
            mine, other = await anext(ours, None), await anext(theirs, None)


async def _each(pages: AsyncIterator[Sequence[PointState]]) -> AsyncIterator[PointState]:
    async for page in pages:
        for state in page:
            yield state
