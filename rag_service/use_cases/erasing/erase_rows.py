"""Rows of the catalog: texts, chunks, kept vectors, memberships, answers, in every version and build."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rag_service.domain.access import AccessScope
from rag_service.domain.builds import Build, BuildState
from rag_service.domain.documents import embedded_text
from rag_service.domain.drafts import DraftState
from rag_service.domain.erasures import (
    Counts,
    Erasure,
    ErasureKind,
    ErasurePlan,
    ErasureState,
    Removal,
    Tombstone,
    TombstoneKind,
    tombstone_of,
)
from rag_service.domain.ids import AnswerId, CorpusId, DocumentId
from rag_service.domain.jobs import JobKind, Priority, draft_job
from rag_service.errors import SlotTaken
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.catalog.erasures import BuiltMember, Rewriting
from rag_service.ports.eraser import Held
from rag_service.ports.signer import KeyedHash
from rag_service.ports.sparse_encoder import DocumentFrequencies, SparseEncoder, frequencies_of
from rag_service.ports.vector_index import VectorIndex
from rag_service.use_cases.draft_jobs import open_job_of
from rag_service.use_cases.erasing.answers_to_erase import answers_repeating
from rag_service.use_cases.erasing.erase_files import EraseFiles
from rag_service.use_cases.erasing.erase_points import points_of_corpus
from rag_service.use_cases.erasing.witnesses import of_answer, of_document

_ANSWERS_AT_ONCE = 500
_DOCUMENTS_AT_ONCE = 32
_LONGEST_SETTLING = timedelta(minutes=10)
"""A moment further ahead comes from a clock that was wrong."""


class EraseRows:
    """The eraser of the catalog's rows. It notes in the erasure what it removed and what is left to the others."""

    store = "catalog"

    def __init__(
        self,
        *,
        catalog: Catalog,
        index: VectorIndex,
        files: EraseFiles,
        sparse_encoder: SparseEncoder,
        keyed_hash: KeyedHash,
        clock: Callable[[], datetime],
        claims: frozenset[str],
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._files = files
        self._sparse_encoder = sparse_encoder
        self._keyed_hash = keyed_hash
        self._clock = clock
        self._claims = claims

    @property
    def claims(self) -> frozenset[str]:
        """The columns."""
        return self._claims | {"catalog"}

    async def erase(self, scope: AccessScope, erasure: Erasure, *, still_held: Held) -> Removal:
        """Remove the rows; once that is noted, a repetition removes nothing more."""
        if erasure.state is ErasureState.REQUESTED:
            self._assert_settled(erasure)
            match erasure.kind:
                case ErasureKind.DOCUMENT:
                    await self._document(scope, erasure, still_held)
                case ErasureKind.PERSON:
                    await self._person(scope, erasure, still_held)
                case ErasureKind.CORPUS:
                    await self._corpus(scope, erasure, still_held)
        return Removal()

    async def probe(self, scope: AccessScope, erasure: Erasure) -> Counts:
        """Count the rows that are found."""
        async with self._catalog.reading() as tx:
            return await tx.erasures.probe(scope, erasure)

    def _assert_settled(self, erasure: Erasure) -> None:
        settles_at = erasure.plan.settles_at
        if settles_at is not None and timedelta() < settles_at - self._clock() <= _LONGEST_SETTLING:
            raise SlotTaken("A worker may still be at what is erased.")

    async def _document(self, scope: AccessScope, erasure: Erasure, still_held: Held) -> None:
        document_id, corpus_id = DocumentId(erasure.subject["document_id"]), CorpusId(erasure.subject["corpus_id"])
        suspects = await answers_repeating(self._catalog, scope, document_id)
        rewriting, has_strays = await self._rewriting(scope, corpus_id, document_id)
        try:
            async with self._catalog.writing() as tx:
                await still_held(tx)
                if rewriting is not None:
                    await _hold_slot(tx, scope, corpus_id)
                # Before the questions that go with answers: whoever writes results of them holds documents first as well.
                await tx.erasures.revisions(scope, document_id, hold=True)
                removal = await self._remove_answers(tx, scope, erasure, also=suspects)
                stone = await tx.erasures.tombstone(scope, TombstoneKind.DOCUMENT, document_id)
                if stone is None:
                    stone = self._stone(erasure, document_id, frozenset())
                gone, plan = await tx.erasures.remove_document(scope, stone, rewriting)
                plan = replace(plan, has_strays=has_strays)
                await self._finish(tx, scope, replace(erasure, plan=plan, removal=removal.plus(gone)))
        except SlotTaken:
            await self._ask_for_an_end(scope, corpus_id)
            raise

    async def _person(self, scope: AccessScope, erasure: Erasure, still_held: Held) -> None:
        while erasure.state is ErasureState.REQUESTED:
            async with self._catalog.writing() as tx:
                await still_held(tx)
                removal = await self._remove_answers(tx, scope, erasure, limit=_ANSWERS_AT_ONCE)
                is_last = not removal.removed
                if is_last:
                    removal = await tx.erasures.remove_person(scope, erasure.subject["end_user"])
                erasure = replace(erasure, removal=erasure.removal.plus(removal))
                erasure = await (self._finish if is_last else _note)(tx, scope, erasure)

    async def _corpus(self, scope: AccessScope, erasure: Erasure, still_held: Held) -> None:
        if erasure.plan.points is None:
            points = await points_of_corpus(self._index, CorpusId(erasure.subject["corpus_id"]))
            erasure = replace(erasure, plan=replace(erasure.plan, points=points))
        while erasure.state is ErasureState.REQUESTED:
            # What the batch before left, before its names are forgotten.
            of_files = await self._files.erase(scope, erasure, still_held=still_held)
            plan = replace(erasure.plan, blobs=())
            erasure = replace(erasure, plan=plan, removal=erasure.removal.plus(of_files))
            async with self._catalog.writing() as tx:
                await still_held(tx)
                erasure = await self._corpus_batch(tx, scope, erasure)

    async def _corpus_batch(self, tx: Transaction, scope: AccessScope, erasure: Erasure) -> Erasure:
        corpus_id = CorpusId(erasure.subject["corpus_id"])
        removal = await self._remove_answers(tx, scope, erasure, limit=_ANSWERS_AT_ONCE)
        if removal.removed:
            return await _note(tx, scope, replace(erasure, removal=erasure.removal.plus(removal)))
        documents = await tx.erasures.documents_of(scope, corpus_id, limit=_DOCUMENTS_AT_ONCE)
        if not documents:
            removal = await tx.erasures.remove_corpus(scope, corpus_id)
            erasure = replace(erasure, plan=replace(erasure.plan, has_strays=True))
            return await self._finish(tx, scope, replace(erasure, removal=erasure.removal.plus(removal)))
        removal, plan = await self._remove_documents(tx, scope, erasure, documents)
        plan = replace(erasure.plan, blobs=plan.blobs)
        return await _note(tx, scope, replace(erasure, plan=plan, removal=erasure.removal.plus(removal)))

    async def _remove_documents(
        self, tx: Transaction, scope: AccessScope, erasure: Erasure, documents: Sequence[DocumentId]
    ) -> tuple[Removal, ErasurePlan]:
        principals = await tx.documents.principals(scope, documents)
        removal, blobs = Removal(), set[str]()
        for document_id in documents:
            stone = self._stone(erasure, document_id, principals.get(document_id, frozenset()))
            gone, plan = await tx.erasures.remove_document(scope, stone, None)
            removal = removal.plus(gone)
            blobs.update(plan.blobs)
        return removal, ErasurePlan(blobs=tuple(sorted(blobs)))

    async def _remove_answers(
        self,
        tx: Transaction,
        scope: AccessScope,
        erasure: Erasure,
        *,
        also: Collection[AnswerId] = (),
        limit: int | None = None,
    ) -> Removal:
        places = await tx.erasures.answers_about(scope, erasure, also=also, limit=limit)
        if not places:
            return Removal()
        stones = [
            tombstone_of(
                erasure,
                TombstoneKind.ANSWER,
                place.id,
                corpus_id=place.corpus_id,
                principals=of_answer(self._keyed_hash, erasure.tenant_id, place),
            )
            for place in places
        ]
        return await tx.erasures.remove_answers(scope, stones)

    async def _finish(self, tx: Transaction, scope: AccessScope, erasure: Erasure) -> Erasure:
        replies = await tx.erasures.remove_replies(scope, erasure.id, ())
        removal = erasure.removal.plus(replies)
        return await _note(tx, scope, replace(erasure, state=ErasureState.ERASING, removal=removal))

    async def _rewriting(
        self, scope: AccessScope, corpus_id: CorpusId, document_id: DocumentId
    ) -> tuple[Rewriting | None, bool]:
        """Return every version's frequencies without the document, and whether vectors may be kept that no chunk has.

        There are none when the document is gone.
        """
        async with self._catalog.reading() as tx:
            numbers = await tx.erasures.revisions(scope, document_id, hold=False)
            built = await tx.erasures.builds_of(scope, document_id)
            builds = await tx.builds.list(scope, corpus_id) if numbers else []
        if not numbers:
            return None, False
        terms = {each: await self._terms(scope, each) for each in built}
        async with self._catalog.reading() as tx:
            rewriting = await tx.erasures.without(scope, document_id, terms)
        return rewriting, _has_strays(numbers, built, builds)

    async def _terms(self, scope: AccessScope, built: BuiltMember) -> DocumentFrequencies:
        member, fingerprint = built
        async with self._catalog.reading() as tx:
            chunks = (await tx.chunks.of_members(scope, fingerprint, [member])).get(member, [])
        texts = [embedded_text(chunk.headings, chunk.text) for chunk in chunks]
        return frequencies_of([self._sparse_encoder.encode_passage(text) for text in texts])

    async def _ask_for_an_end(self, scope: AccessScope, corpus_id: CorpusId) -> None:
        """Have a draft opened again that was left half sealed or unsealed, and that nobody is at any more."""
        async with self._catalog.writing() as tx:
            draft = await tx.drafts.in_slot(scope, corpus_id)
            if draft is None or draft.state is DraftState.SEALED:
                return
            for kind in (JobKind.SEAL_DRAFT, JobKind.UNSEAL_DRAFT):
                if await open_job_of(tx, scope, draft, kind) is not None:
                    return
            await tx.jobs.add(draft_job(draft, JobKind.UNSEAL_DRAFT, now=self._clock(), priority=Priority.PERSON))

    def _stone(self, erasure: Erasure, document_id: DocumentId, principals: frozenset[str]) -> Tombstone:
        return tombstone_of(
            erasure,
            TombstoneKind.DOCUMENT,
            document_id,
            corpus_id=CorpusId(erasure.subject["corpus_id"]),
            principals=of_document(self._keyed_hash, erasure.tenant_id, principals),
        )


def _has_strays(numbers: Sequence[int], built: Sequence[BuiltMember], builds: Sequence[Build]) -> bool:
    """Say whether a revision has no chunks, or none yet of a build that is filled: vectors of them may be kept already."""
    there = {(member.revision, name) for member, name in built}
    with_chunks = {number for number, _ in there}
    filling = [build.fingerprint for build in builds if build.state is BuildState.FILLING]
    return any(number not in with_chunks or any((number, name) not in there for name in filling) for number in numbers)


async def _note(tx: Transaction, scope: AccessScope, erasure: Erasure) -> Erasure:
    await tx.erasures.note(scope, erasure)
    return erasure


async def _hold_slot(tx: Transaction, scope: AccessScope, corpus_id: CorpusId) -> None:
    slot = await tx.points.slot(scope, corpus_id, hold=True)
    if slot.moving is not None:
        raise SlotTaken(f"A draft of corpus {corpus_id} is being sealed or opened again.")
