"""Points of a build: made of chunks and kept vectors, written for memberships, and counted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from rag_service.domain.access import AccessScope
from rag_service.domain.builds import Membership
from rag_service.domain.documents import Chunk, embedded_text
from rag_service.domain.ids import ChunkId, CorpusId
from rag_service.domain.points import ExpectedPoint
from rag_service.domain.versions import Member
from rag_service.errors import DependencyUnavailable
from rag_service.ports.build_parts import Parts
from rag_service.ports.catalog import Catalog
from rag_service.ports.sparse_encoder import NO_FREQUENCIES, DocumentFrequencies, frequencies_of, plus
from rag_service.ports.vector_index import Point, VectorIndex
from rag_service.use_cases.fill_chunks import FillChunks
from rag_service.use_cases.seal_plan import StillHeld

Item = TypeVar("Item")

BATCH_MEMBERS = 256
"""Documents whose chunks are in memory at once."""


async def points_of(
    scope: AccessScope,
    corpus_id: CorpusId,
    parts: Parts,
    wanted: Sequence[ExpectedPoint],
    chunks: Mapping[ChunkId, Chunk],
) -> list[Point]:
    """Return the wanted points, in order, with the vectors of their chunks."""
    texts = [embedded_text(chunks[one.chunk_id].headings, chunks[one.chunk_id].text) for one in wanted]
    dense = await parts.vectors.embed(scope.tenant_id, texts)
    return [
        Point(
            id=one.id,
            tenant_id=scope.tenant_id,
            corpus_id=corpus_id,
            document_id=one.member.document_id,
            chunk_id=one.chunk_id,
            principals=one.principals,
            born=one.born,
            died=one.died,
            dense=vector,
            sparse=parts.sparse_encoder.encode_passage(text),
        )
        for one, text, vector in zip(wanted, texts, dense, strict=True)
    ]


async def chunks_of(catalog: Catalog, scope: AccessScope, parts: Parts, members: Sequence[Member]) -> list[Chunk]:
    """Return the chunks of the revisions under a build, or raise DependencyUnavailable when some have none."""
    async with catalog.reading() as tx:
        found = await tx.chunks.of_members(scope, parts.fingerprint, members)
    missing = len(set(members) - set(found))
    if missing:
        raise DependencyUnavailable(f"{missing} revisions have no chunks under build {parts.fingerprint}")
    return [chunk for member in members for chunk in found[member]]


def counted(parts: Parts, chunks: Iterable[Chunk]) -> DocumentFrequencies:
    """Return the document frequencies of chunks."""
    texts = (embedded_text(chunk.headings, chunk.text) for chunk in chunks)
    return frequencies_of([parts.sparse_encoder.encode_passage(text) for text in texts])


class WriteLives:
    """Writes the points of memberships. Safe to repeat: point ids follow from the chunk and `born`."""

    def __init__(self, *, catalog: Catalog, index: VectorIndex, fill_chunks: FillChunks) -> None:
        self._catalog = catalog
        self._index = index
        self._fill_chunks = fill_chunks

    async def __call__(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        parts: Parts,
        lives: Sequence[Membership],
        *,
        still_held: StillHeld,
    ) -> list[Point]:
        """Write the points, after the chunks that the revisions lack, and return them; not for too many at once.

        Raises:
            LeaseLost: by `still_held`; nothing is written after that.
        """
        members = sorted({life.member for life in lives})
        await self._fill_chunks(scope, parts, members, still_held=still_held)
        chunks = await chunks_of(self._catalog, scope, parts, members)
        wanted = await self._wanted(scope, lives, chunks)
        points = await points_of(scope, corpus_id, parts, wanted, {chunk.id: chunk for chunk in chunks})
        await still_held()
        await self._index.write(parts.fingerprint, points)
        return points

    async def _wanted(
        self, scope: AccessScope, lives: Sequence[Membership], chunks: Sequence[Chunk]
    ) -> list[ExpectedPoint]:
        async with self._catalog.reading() as tx:
            principals = await tx.documents.principals(scope, [life.member.document_id for life in lives])
        of_member: dict[Member, list[Chunk]] = {}
        for chunk in chunks:
            of_member.setdefault(member_of(chunk), []).append(chunk)
        return [
            ExpectedPoint(
                chunk_id=chunk.id,
                member=life.member,
                born=life.born,
                died=life.died,
                principals=principals[life.member.document_id],
            )
            for life in lives
            # What was erased since the lives were read has no chunks and no rights any more, and gets no points.
            if life.member.document_id in principals
            for chunk in of_member.get(life.member, ())
        ]


class CountChunks:
    """Counts the document frequencies of a version anew, where a build has no table of it."""

    def __init__(self, *, catalog: Catalog, fill_chunks: FillChunks) -> None:
        self._catalog = catalog
        self._fill_chunks = fill_chunks

    async def __call__(
        self, scope: AccessScope, corpus_id: CorpusId, parts: Parts, number: int, *, still_held: StillHeld
    ) -> DocumentFrequencies:
        """Return the frequencies of what is visible at version `number`."""
        async with self._catalog.reading() as tx:
            members = sorted(await tx.versions.members(scope, corpus_id, number))
        table = NO_FREQUENCIES
        for part in slices(members):
            await self._fill_chunks(scope, parts, part, still_held=still_held)
            table = plus(table, counted(parts, await chunks_of(self._catalog, scope, parts, part)))
        return table


def member_of(chunk: Chunk) -> Member:
    """Return the revision that a chunk is of."""
    return Member(document_id=chunk.document_id, revision=chunk.revision)


def slices(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield revisions, or memberships of them, in order, as many together as may be in memory."""
    for start in range(0, len(items), BATCH_MEMBERS):
        yield items[start : start + BATCH_MEMBERS]
