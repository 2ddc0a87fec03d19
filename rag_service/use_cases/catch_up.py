"""Bring a build of a corpus up to the highest version, after others were sealed under another build."""

from collections.abc import Sequence
from itertools import groupby

from rag_service.domain.access import AccessScope
from rag_service.domain.builds import Build, Membership
from rag_service.domain.ids import CorpusId, point_id
from rag_service.ports.build_parts import Parts
from rag_service.ports.catalog import Catalog
from rag_service.ports.sparse_encoder import NO_FREQUENCIES, DocumentFrequencies, frequencies_of, minus, plus
from rag_service.ports.vector_index import VectorIndex
from rag_service.use_cases.build_points import (
    CountChunks,
    WriteLives,
    chunks_of,
    counted,
    member_of,
    slices,
)
from rag_service.use_cases.fill_chunks import FillChunks
from rag_service.use_cases.seal_plan import StillHeld


class CatchUp:
    """Writes what was born and retires what died since a build was last sealed under. Safe to repeat.

    No version that the build can be asked at sees any of it. The build is out of the law of points meanwhile.
    """

    def __init__(
        self, *, catalog: Catalog, index: VectorIndex, fill_chunks: FillChunks, write_lives: WriteLives
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._write_lives = write_lives
        self._count = CountChunks(catalog=catalog, fill_chunks=fill_chunks)

    async def __call__(
        self, scope: AccessScope, corpus_id: CorpusId, parts: Parts, *, highest: int, still_held: StillHeld
    ) -> DocumentFrequencies:
        """Bring the build of `parts` to version `highest`, and return the document frequencies of that.

        Raises:
            LeaseLost: by `still_held`; nothing is written after that.
        """
        async with self._catalog.reading() as tx:
            build = await tx.builds.get(scope, corpus_id, parts.fingerprint)
            table = await tx.versions.frequencies(scope, corpus_id, build.synced, parts.fingerprint)
        if build.synced < highest:
            return await self._bring(scope, build, parts, table, highest, still_held)
        if table is not None:
            return table
        return await self._count(scope, corpus_id, parts, highest, still_held=still_held)

    async def _bring(
        self,
        scope: AccessScope,
        build: Build,
        parts: Parts,
        table: DocumentFrequencies | None,
        highest: int,
        still_held: StillHeld,
    ) -> DocumentFrequencies:
        async with self._catalog.writing() as tx:
            await still_held(tx)
            await tx.builds.start_filling(scope, build.corpus_id, build.fingerprint)
            changed = await tx.builds.changed_between(scope, build.corpus_id, after=build.synced, up_to=highest)
        born = [life.known_at(highest) for life in changed if life.born > build.synced]
        died = [life for life in changed if life.born <= build.synced]
        added = await self._write(scope, build, parts, born, highest, still_held)
        removed = await self._retire(scope, build, parts, died, still_held)
        if table is None:
            table = await self._count(scope, build.corpus_id, parts, highest, still_held=still_held)
        else:
            table = minus(plus(table, added), removed)
        async with self._catalog.writing() as tx:
            await still_held(tx)
            await tx.builds.finish_filling(scope, build.corpus_id, build.fingerprint, synced=highest, frequencies=table)
        return table

    async def _write(
        self,
        scope: AccessScope,
        build: Build,
        parts: Parts,
        lives: Sequence[Membership],
        highest: int,
        still_held: StillHeld,
    ) -> DocumentFrequencies:
        """Write points, and return the frequencies of those that are visible at version `highest`."""
        added = NO_FREQUENCIES
        for part in slices(lives):
            points = await self._write_lives(scope, build.corpus_id, parts, part, still_held=still_held)
            added = plus(added, frequencies_of([point.sparse for point in points if point.died > highest]))
        return added

    async def _retire(
        self,
        scope: AccessScope,
        build: Build,
        parts: Parts,
        lives: Sequence[Membership],
        still_held: StillHeld,
    ) -> DocumentFrequencies:
        """Retire points where they died, and return the frequencies of what they show."""
        removed = NO_FREQUENCIES
        for died, alike in groupby(sorted(lives, key=lambda life: life.died), key=lambda life: life.died):
            for part in slices(list(alike)):
                births = {life.member: life.born for life in part}
                chunks = await chunks_of(self._catalog, scope, parts, sorted(births))
                await still_held()
                ids = [point_id(chunk.id, births[member_of(chunk)]) for chunk in chunks]
                await self._index.retire(build.fingerprint, ids, at=died)
                removed = plus(removed, counted(parts, chunks))
        return removed
