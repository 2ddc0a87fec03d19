"""A content team's desk: one corpus, its drafts, and seals that are run by hand."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from ingestion.bootstrap import Worker
from ingestion.filling import open_chunker
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.drafts import Draft, DraftChange, DraftState, SealPurpose
from rag_service.domain.ids import DocumentId, DraftId
from rag_service.domain.uploads import CorpusFile
from rag_service.domain.versions import Version
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.vector_index import VectorIndex
from rag_service.settings import JobSettings
from rag_service.use_cases.seal_draft import SealDraft
from rag_service.use_cases.seal_plan import StillHeld
from rag_service.use_cases.searching.options import SearchOptions
from rag_service.use_cases.unseal_draft import UnsealDraft
from rag_service.use_cases.write_version import WriteVersion

DOCUMENTS = {"a": "Apples are red.", "b": "Bananas are yellow.", "c": "Cherries are dark."}
EVERY_STATE = frozenset(DraftState)


async def held(tx: Transaction | None = None) -> None:
    """Say that the job is still this worker's."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a person with all rights does to the corpus of this name."""

    worker: Worker
    admin: AccessScope
    corpus: str = "fruit"

    async def publish(self, documents: Mapping[str, str]) -> None:
        """Upload documents and wait until the automatic draft has published them."""
        for key, text in documents.items():
            await self.upload(key, text)
        await self.work_off()

    async def publish_removal(self, key: str) -> None:
        """Remove a document and wait until the automatic draft has published that."""
        parts = self.worker.container
        ids = {name: document_id for document_id, name in (await self.keys()).items()}
        async with parts.catalog.writing() as tx:
            corpus = await tx.corpora.get(self.admin, self.corpus)
            draft = await tx.drafts.automatic(self.admin, corpus.id, parts.clock())
            await tx.drafts.set_changes(self.admin, draft.id, [DraftChange(document_id=ids[key], revision=None)])
        await self.work_off()

    async def upload(self, key: str, text: str, *, draft: str | None = None) -> CorpusFile:
        """Upload a document, into a held draft or the automatic one."""
        parts = self.worker.container
        file = await parts.store_file(
            self.admin, filename=f"{key}.md", purpose="assistants", content=_body(text.encode())
        )
        return await parts.uploads.accept_file(
            self.admin, corpus=self.corpus, file_id=file.id, attributes={"document_key": key}, draft=draft
        )

    async def work_off(self) -> None:
        """Let the worker do what is due."""
        while await self.worker.runner.enqueue_due_seals() or await self.worker.runner.run_next():
            pass

    async def prepare(self) -> None:
        """Let the worker do what is queued, without new seals."""
        while await self.worker.runner.run_next():
            pass

    async def hold(
        self, name: str = "spring", *, uploads: Mapping[str, str] | None = None, removals: tuple[str, ...] = ()
    ) -> Draft:
        """Open a held draft with prepared changes."""
        drafts = self.worker.container.drafts
        draft = await drafts.open(self.admin, corpus=self.corpus, name=name)
        for key, text in (uploads or {}).items():
            await self.upload(key, text, draft=name)
        ids = {key: document_id for document_id, key in (await self.keys()).items()}
        for key in removals:
            await drafts.remove_document(self.admin, corpus=self.corpus, draft=name, document_id=ids[key])
        await self.prepare()
        return draft

    async def ask(self, draft: Draft, purpose: SealPurpose) -> None:
        """Note what a draft is to be sealed for, without a job."""
        async with self.worker.container.catalog.writing() as tx:
            await tx.drafts.ask_for_seal(self.admin, draft.id, purpose)

    async def seal(self, draft: Draft, purpose: SealPurpose | None = None, *, still_held: StillHeld = held) -> Version:
        """Seal a draft, as the worker would."""
        if purpose is not None:
            await self.ask(draft, purpose)
        return await self.sealing()(system_scope(self.admin.tenant_id), draft.id, still_held=still_held)

    async def unseal(self, draft: Draft, *, still_held: StillHeld = held) -> None:
        """Unseal a draft, as the worker would."""
        await self.unsealing()(system_scope(self.admin.tenant_id), draft.id, still_held=still_held)

    def sealing(
        self,
        *,
        catalog: Catalog | None = None,
        index: VectorIndex | None = None,
        settings: JobSettings | None = None,
    ) -> SealDraft:
        """Return the use case, over other parts where given."""
        parts = self.worker.container
        catalog, index = catalog or parts.catalog, index or parts.index
        write_version = WriteVersion(catalog=catalog, index=index, build_parts=parts.build_parts, chunkers=open_chunker)
        unseal = UnsealDraft(catalog=catalog, index=index)
        return SealDraft(
            catalog=catalog,
            write_version=write_version,
            unseal=unseal,
            gate=parts.publish_gate,
            clock=parts.clock,
            settings=settings or parts.settings.jobs,
        )

    def unsealing(self, *, catalog: Catalog | None = None, index: VectorIndex | None = None) -> UnsealDraft:
        """Return the use case, over other parts where given."""
        parts = self.worker.container
        return UnsealDraft(catalog=catalog or parts.catalog, index=index or parts.index)

    async def roll_back(self, number: int) -> None:
        """Publish a version of before."""
        await self.worker.container.publish(self.admin, corpus=self.corpus, number=number)

    async def draft(self, draft_id: DraftId) -> Draft:
        """Return a draft as it is now."""
        async with self.worker.container.catalog.reading() as tx:
            return await tx.drafts.get(self.admin, draft_id)

    async def found(self, query: str, *, at: str = "") -> list[tuple[str, float]]:
        """Return texts and scores of a search of the corpus, or of what stands after the @."""
        ref = f"{self.corpus}@{at}" if at else self.corpus
        result = await self.worker.container.search(
            self.admin, corpus=ref, query=query, options=SearchOptions(limit=10)
        )
        return [(passage.text, passage.score) for passage in result.passages]

    async def texts(self, *, at: str = "") -> set[str]:
        """Return all texts that can be found."""
        return {text for text, _ in await self.found("Which fruit is what?", at=at)}

    async def keys(self) -> dict[DocumentId, str]:
        """Return the documents by key, as far as they were ever a member."""
        parts = self.worker.container
        async with parts.catalog.reading() as tx:
            corpus = await tx.corpora.get(self.admin, self.corpus)
            ever = [await tx.versions.members(self.admin, corpus.id, number) for number in range(corpus.highest + 1)]
            found = {}
            for document_id in {member.document_id for members in ever for member in members}:
                found[document_id] = (await tx.documents.get(self.admin, document_id)).key
        return found


async def _body(content: bytes) -> AsyncIterator[bytes]:
    yield content
