"""Turn a draft into the next version and publish it.

Order: points first, then, in one transaction, the rows that make them visible. Every step can run twice:
the number is taken once, point ids follow from it, and a seal cut short computes the same difference again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rag_service.domain.access import AccessScope
from rag_service.domain.documents import Chunk, embedded_text
from rag_service.domain.drafts import Draft, DraftState, wanted_members
from rag_service.domain.ids import DraftId, point_id
from rag_service.domain.versions import OPEN, Corpus, Member, Version, VersionDifference, difference
from rag_service.errors import DependencyUnavailable
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.embedder import TextVectors
from rag_service.ports.sparse_encoder import DocumentFrequencies, SparseEncoder, frequencies_of, minus, plus
from rag_service.ports.vector_index import Point, VectorIndex
from rag_service.ports.vectors import SparseVector

_BATCH_MEMBERS = 256
"""Documents whose chunks are in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    corpus: Corpus
    number: int
    draft: Draft
    document_count: int
    difference: VersionDifference
    frequencies: DocumentFrequencies


class SealDraft:
    """Gives a draft its number, writes its points, and publishes it."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        index: VectorIndex,
        vectors: TextVectors,
        sparse_encoder: SparseEncoder,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._vectors = vectors
        self._sparse_encoder = sparse_encoder
        self._clock = clock

    async def __call__(self, scope: AccessScope, draft_id: DraftId) -> Version:
        """Return the version made of the draft, published. Safe to repeat, also after a crash at any point.

        Raises:
            Conflict: another draft of the corpus is being sealed.
        """
        async with self._catalog.writing() as tx:
            draft = await tx.versions.draft(scope, draft_id)
            if draft.state is not DraftState.PUBLISHED:
                draft = await tx.versions.start_sealing(scope, draft_id, self._clock())
        if draft.state is DraftState.PUBLISHED:
            return await self._published(scope, draft)
        plan = await self._plan(scope, draft)
        born = await self._write_births(scope, plan)
        died = await self._retire_deaths(scope, plan)
        return await self._publish(scope, plan, minus(plus(plan.frequencies, born), died))

    async def _published(self, scope: AccessScope, draft: Draft) -> Version:
        async with self._catalog.reading() as tx:
            return await tx.versions.version(scope, draft.corpus_id, _number(draft))

    async def _plan(self, scope: AccessScope, draft: Draft) -> _Plan:
        number = _number(draft)
        async with self._catalog.reading() as tx:
            corpus = await tx.corpora.get(scope, draft.corpus_id)
            changes = await tx.versions.changes(scope, draft.id)
            changed = [change.document_id for change in changes]
            # After a rollback more than the changes differs: the abandoned version is the highest, but not published.
            narrowed = changed if corpus.published == number - 1 else None
            published = await tx.versions.members(scope, corpus.id, corpus.published, documents=narrowed)
            highest = published
            if narrowed is None:
                highest = await tx.versions.members(scope, corpus.id, number - 1)
            wanted = wanted_members(published, changes)
            unchanged = await self._count(tx, scope, corpus) - len(published)
            frequencies = await tx.versions.frequencies(scope, corpus.id, number - 1)
        return _Plan(
            corpus=corpus,
            number=number,
            draft=draft,
            document_count=unchanged + len(wanted),
            difference=difference(highest, wanted),
            frequencies=frequencies,
        )

    async def _count(self, tx: Transaction, scope: AccessScope, corpus: Corpus) -> int:
        if corpus.published == 0:
            return 0
        return (await tx.versions.version(scope, corpus.id, corpus.published)).document_count

    async def _write_births(self, scope: AccessScope, plan: _Plan) -> DocumentFrequencies:
        """Write the points of what is born; return the document frequencies that it adds."""
        added = frequencies_of([])
        for members in _slices(sorted(plan.difference.born)):
            chunks = await self._chunks(scope, plan.corpus, members)
            sparse = [self._encode(chunk) for chunk in chunks]
            await self._index.write(plan.corpus.fingerprint, await self._points(scope, plan, chunks, sparse))
            added = plus(added, frequencies_of(sparse))
        return added

    async def _retire_deaths(self, scope: AccessScope, plan: _Plan) -> DocumentFrequencies:
        """Retire the points of what dies; return the document frequencies that it takes along."""
        removed = frequencies_of([])
        for members in _slices(sorted(plan.difference.died)):
            chunks = await self._chunks(scope, plan.corpus, members)
            async with self._catalog.reading() as tx:
                births = await tx.versions.births(scope, plan.corpus.id, members)
            born = {(member.document_id, member.revision): number for member, number in births.items()}
            ids = [point_id(chunk.id, born[chunk.document_id, chunk.revision]) for chunk in chunks]
            await self._index.retire(plan.corpus.fingerprint, ids, at=plan.number)
            removed = plus(removed, frequencies_of([self._encode(chunk) for chunk in chunks]))
        return removed

    async def _publish(self, scope: AccessScope, plan: _Plan, frequencies: DocumentFrequencies) -> Version:
        async with self._catalog.writing() as tx:
            if (await tx.versions.draft(scope, plan.draft.id)).state is DraftState.PUBLISHED:
                # Another worker finished this seal meanwhile; a newer version may be published by now.
                return await tx.versions.version(scope, plan.corpus.id, plan.number)
            version = Version(
                corpus_id=plan.corpus.id,
                number=plan.number,
                draft_id=plan.draft.id,
                document_count=plan.document_count,
                chunk_count=frequencies.chunk_count,
                created_at=self._clock(),
            )
            await tx.versions.finish_sealing(scope, version, plan.difference, frequencies)
            await tx.corpora.publish(scope, plan.corpus.id, plan.number)
        return version

    async def _chunks(self, scope: AccessScope, corpus: Corpus, members: Sequence[Member]) -> list[Chunk]:
        async with self._catalog.reading() as tx:
            found = await tx.chunks.of_members(scope, corpus.fingerprint, members)
        missing = [member for member in members if member not in found]
        if missing:
            raise DependencyUnavailable(f"{len(missing)} revisions have no chunks under build {corpus.fingerprint}")
        return [chunk for member in members for chunk in found[member]]

    async def _points(
        self, scope: AccessScope, plan: _Plan, chunks: Sequence[Chunk], sparse: Sequence[SparseVector]
    ) -> list[Point]:
        dense = await self._vectors.embed(
            scope.tenant_id, [embedded_text(chunk.headings, chunk.text) for chunk in chunks]
        )
        async with self._catalog.reading() as tx:
            principals = await tx.documents.principals(scope, [chunk.document_id for chunk in chunks])
        return [
            Point(
                id=point_id(chunk.id, plan.number),
                tenant_id=scope.tenant_id,
                corpus_id=plan.corpus.id,
                chunk_id=chunk.id,
                principals=principals[chunk.document_id],
                born=plan.number,
                died=OPEN,
                dense=vector,
                sparse=terms,
            )
            for chunk, vector, terms in zip(chunks, dense, sparse, strict=True)
        ]

    def _encode(self, chunk: Chunk) -> SparseVector:
        return self._sparse_encoder.encode_passage(embedded_text(chunk.headings, chunk.text))


def _number(draft: Draft) -> int:
    if draft.number is None:
        raise ValueError(f"draft {draft.id} has no number")
    return draft.number


def _slices(members: Sequence[Member]) -> list[Sequence[Member]]:
    return [members[start : start + _BATCH_MEMBERS] for start in range(0, len(members), _BATCH_MEMBERS)]
