"""Values that the catalog's tests put in. Ids are short names, moments count seconds from START."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import EVERYONE, AccessScope, ApiKey, Permission, system_scope
from rag_service.domain.builds import Build, BuildState
from rag_service.domain.documents import (
    Block,
    BlockKind,
    Chunk,
    Document,
    ParsedDocument,
    PreparedRevision,
    Revision,
    RevisionState,
    StoredFile,
    embedded_text,
)
from rag_service.domain.drafts import Draft, DraftChange, DraftState, wanted_members
from rag_service.domain.ids import (
    CorpusId,
    DocumentId,
    DraftId,
    FileId,
    Fingerprint,
    JobId,
    KeyId,
    TenantId,
    chunk_id,
)
from rag_service.domain.jobs import Job, JobKind, new_job
from rag_service.domain.spans import Span, sha256_of
from rag_service.domain.uploads import NewUpload
from rag_service.domain.versions import Corpus, Member, Version, VersionDifference, difference
from rag_service.errors import NotFound
from rag_service.ports.catalog import Transaction
from rag_service.ports.sparse_encoder import DocumentFrequencies

START = datetime(2026, 1, 1, tzinfo=UTC)
OURS, THEIRS = TenantId("ours"), TenantId("theirs")
FINGERPRINT = Fingerprint("f" * 32)
PARSED = ParsedDocument(
    text="Head\n\nSnow 🐧 falls.",
    blocks=(
        Block(span=Span(0, 4), kind=BlockKind.HEADING, level=1, page=1, bbox=(1.0, 2.0, 3.5, 4.0)),
        Block(span=Span(6, 19), kind=BlockKind.PARAGRAPH, page=2),
    ),
    title="Head",
    page_count=2,
    warnings=("one odd byte",),
)
FREQUENCIES = DocumentFrequencies(
    chunk_count=2, terms=np.array([3, 7, 2**32 - 1], np.uint32), counts=np.array([1, 2, 1], np.uint32)
)

SYSTEM = system_scope(OURS)
READER = AccessScope(
    tenant_id=OURS,
    principals=frozenset({EVERYONE}),
    permissions=frozenset({Permission.CHAT}),
    key_id=KeyId("key_reader"),
)
STRANGER = system_scope(THEIRS)
ELSEWHERE = replace(SYSTEM, corpora=frozenset({CorpusId("another")}))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def api_key(name: str = "reader", *, tenant: TenantId = OURS, **changes: Any) -> ApiKey:
    key = ApiKey(
        id=KeyId(f"key_{name}"),
        tenant_id=tenant,
        name=name,
        hint="rag-…1234",
        permissions=frozenset({Permission.CHAT, Permission.UPLOAD}),
        principals=frozenset({"staff"}),
        corpora=None,
        created_at=START,
    )
    return replace(key, **changes)


def stored_file(name: str, *, seconds: float = 0) -> StoredFile:
    return StoredFile(
        id=FileId(f"file_{name}"),
        tenant_id=OURS,
        filename=f"{name}.md",
        purpose="assistants",
        size_bytes=10,
        sha256="0" * 64,
        created_at=at(seconds),
    )


def corpus(name: str = "handbook", *, seconds: float = 0) -> Corpus:
    return Corpus(
        id=CorpusId(f"vs_{name}"),
        tenant_id=OURS,
        name=name,
        description="About snow",
        published=0,
        highest=0,
        fingerprint=FINGERPRINT,
        created_at=at(seconds),
    )


CORPUS = corpus().id


def build(fingerprint: Fingerprint = FINGERPRINT, **changes: Any) -> Build:
    ready = Build(
        corpus_id=CORPUS,
        fingerprint=fingerprint,
        recipe={"model": "hashing"},
        state=BuildState.READY,
        since=0,
        synced=0,
        created_at=START,
    )
    return replace(ready, **changes)


def document(name: str, *, principals: frozenset[str] = frozenset({EVERYONE})) -> Document:
    return Document(
        id=DocumentId(f"doc_{name}"),
        tenant_id=OURS,
        corpus_id=CORPUS,
        key=f"{name}.md",
        principals=principals,
        created_at=START,
    )


def revision(name: str, number: int = 1, *, seconds: float = 0, **changes: Any) -> Revision:
    made = Revision(
        document_id=DocumentId(f"doc_{name}"),
        number=number,
        file_id=FileId(f"file_{name}"),
        filename=f"{name}.md",
        media_type="text/markdown",
        size_bytes=10,
        raw_sha256="0" * 64,
        parser_fingerprint="parsers-1",
        state=RevisionState.PENDING,
        created_at=at(seconds),
        attributes={"lang": "en", "year": 2026.5, "draft": True},
    )
    return replace(made, **changes)


def chunk(name: str, number: int = 1, *, ordinal: int = 0, text: str = "Snow 🐧 falls.") -> Chunk:
    document_id = DocumentId(f"doc_{name}")
    return Chunk(
        id=chunk_id(FINGERPRINT, document_id, number, ordinal),
        document_id=document_id,
        revision=number,
        ordinal=ordinal,
        span=Span(6, 6 + len(text)),
        text=text,
        headings=("Head", "Below"),
        page_starts=((6, 1), (10, 2)),
        token_count=5,
        embedded_sha256=sha256_of(embedded_text(("Head", "Below"), text)),
    )


def job(name: str, *, seconds: float = 0, kind: JobKind = JobKind.PREPARE_REVISION) -> Job:
    queued = new_job(OURS, kind, f"doc_{name}/1", now=at(seconds))
    return replace(queued, id=JobId(f"job_{name}"))


def new_upload(
    name: str, number: int = 1, *, seconds: float = 0, principals: frozenset[str] = frozenset({EVERYONE})
) -> NewUpload:
    """Return what a file's first upload writes, or a later one's of the same file."""
    return NewUpload(
        file=stored_file(name, seconds=seconds),
        is_new_file=number == 1,
        document=document(name, principals=principals),
        is_new_document=number == 1,
        revision=revision(name, number, seconds=seconds),
        job=replace(job(f"upload_{name}_{number}", seconds=seconds), subject=f"doc_{name}/{number}", corpus_id=CORPUS),
    )


async def add_tenants(transaction: Transaction) -> None:
    await transaction.keys.add_tenant(OURS, "Ours")
    await transaction.keys.add_tenant(THEIRS, "Theirs")


async def add_corpus(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await add_tenants(transaction)
        await transaction.corpora.add(SYSTEM, corpus())
        await transaction.builds.add(SYSTEM, build())


async def upload(
    catalog: SqlCatalog,
    name: str,
    number: int = 1,
    *,
    seconds: float = 0,
    principals: frozenset[str] = frozenset({EVERYONE}),
) -> DraftId:
    """Add a revision (of a new document when it is the first) to the automatic draft; nothing is prepared."""
    async with catalog.writing() as transaction:
        uploads = [new_upload(name, number, seconds=seconds, principals=principals)]
        await transaction.uploads.add(SYSTEM, CORPUS, uploads)
        draft = await transaction.drafts.automatic(SYSTEM, CORPUS, at(seconds))
        change = DraftChange(document_id=DocumentId(f"doc_{name}"), revision=number)
        await transaction.drafts.set_changes(SYSTEM, draft.id, [change])
    return draft.id


def held_draft(name: str = "spring", *, base: int = 0, seconds: float = 0) -> Draft:
    return Draft(
        id=DraftId(f"draft_{name}"),
        tenant_id=OURS,
        corpus_id=CORPUS,
        automatic=False,
        name=name,
        notes="",
        state=DraftState.OPEN,
        purpose=None,
        number=None,
        base=base,
        sealed_against=None,
        created_at=at(seconds),
    )


async def hold(
    catalog: SqlCatalog, name: str, number: int = 1, *, draft: str = "spring", is_prepared: bool = True
) -> DraftId:
    """Add a revision (of a new document when it is the first) to a held draft, made when there is none."""
    async with catalog.writing() as transaction:
        draft_id = await held_in(transaction, draft)
        await transaction.uploads.add(SYSTEM, CORPUS, [new_upload(name, number)])
        change = DraftChange(document_id=DocumentId(f"doc_{name}"), revision=number)
        await transaction.drafts.set_changes(SYSTEM, draft_id, [change])
    if is_prepared:
        await prepare(catalog, name, number)
    return draft_id


async def held_in(transaction: Transaction, name: str = "spring") -> DraftId:
    """Return a held draft, made against what is published when there is none."""
    try:
        return (await transaction.drafts.named(SYSTEM, CORPUS, name)).id
    except NotFound:
        draft = held_draft(name, base=(await transaction.corpora.get(SYSTEM, CORPUS)).published)
        await transaction.drafts.add(SYSTEM, draft)
        return draft.id


async def prepare(catalog: SqlCatalog, name: str, number: int = 1, **chunks: Any) -> None:
    async with catalog.writing() as transaction:
        made = [chunk(name, number, **chunks)]
        document_id = DocumentId(f"doc_{name}")
        await transaction.chunks.replace(SYSTEM, FINGERPRINT, {member(name, number): made})
        await transaction.documents.mark_prepared(SYSTEM, [prepared(document_id, number)])


def prepared(document_id: DocumentId, number: int = 1) -> PreparedRevision:
    return PreparedRevision(document_id=document_id, number=number, parsed=PARSED, chunk_count=1)


async def remove(catalog: SqlCatalog, name: str) -> DraftId:
    async with catalog.writing() as transaction:
        draft = await transaction.drafts.automatic(SYSTEM, CORPUS, START)
        change = DraftChange(document_id=DocumentId(f"doc_{name}"), revision=None)
        await transaction.drafts.set_changes(SYSTEM, draft.id, [change])
    return draft.id


async def change_set(transaction: Transaction, draft_id: DraftId) -> tuple[Version, VersionDifference]:
    """Start sealing, and return what is to be written to finish it."""
    draft = await transaction.drafts.start_sealing(SYSTEM, draft_id, START)
    assert draft.number is not None
    held = await transaction.corpora.get(SYSTEM, CORPUS)
    assert draft.sealed_against == held.published
    before = await transaction.versions.members(SYSTEM, CORPUS, held.published)
    wanted = wanted_members(before, await transaction.drafts.changes(SYSTEM, draft_id))
    highest = await transaction.versions.members(SYSTEM, CORPUS, draft.number - 1)
    version = Version(
        corpus_id=CORPUS,
        number=draft.number,
        draft_id=draft_id,
        document_count=len(wanted),
        chunk_count=len(wanted),
        created_at=START,
        fingerprint=draft.fingerprint or held.fingerprint,
    )
    return version, difference(highest, wanted)


async def seal(catalog: SqlCatalog, draft_id: DraftId) -> Version:
    """Seal a draft and publish it."""
    async with catalog.writing() as transaction:
        version = await seal_in(transaction, draft_id)
        await publish_in(transaction, version)
    return replace(version, published_at=START)


async def seal_in(transaction: Transaction, draft_id: DraftId) -> Version:
    """Seal a draft as a preview."""
    version, changed = await change_set(transaction, draft_id)
    await transaction.drafts.finish_sealing(SYSTEM, version, changed, FREQUENCIES)
    return version


async def preview(catalog: SqlCatalog, draft_id: DraftId) -> Version:
    """Seal a draft and do not publish it."""
    async with catalog.writing() as transaction:
        return await seal_in(transaction, draft_id)


async def publish_in(transaction: Transaction, version: Version) -> None:
    """Publish a sealed draft."""
    expected = (await transaction.corpora.get(SYSTEM, CORPUS)).published
    await transaction.corpora.publish(SYSTEM, CORPUS, version.number, expected=expected, now=START)
    await transaction.drafts.mark_published(SYSTEM, version.draft_id)


async def publish(catalog: SqlCatalog, *names: str) -> Version:
    """Upload, prepare and publish documents that consist of one chunk each."""
    draft_id = [await upload(catalog, name, seconds=second) for second, name in enumerate(names)][-1]
    for name in names:
        await prepare(catalog, name)
    return await seal(catalog, draft_id)


def member(name: str, number: int = 1) -> Member:
    return Member(document_id=DocumentId(f"doc_{name}"), revision=number)
