"""/v1/corpora/{corpus}/drafts: changes that are held until somebody publishes them."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.job_reply import JobOut, reply_about
from rag_service.api.lists import ItemList, Listed, item_list
from rag_service.api.openai.vector_store_files import NewVectorStoreFile, VectorStoreFile, vector_store_file
from rag_service.api.texts import Name, Ref, Text
from rag_service.domain.documents import RevisionState
from rag_service.domain.drafts import DescribedChange, Draft, SealPurpose
from rag_service.domain.ids import DocumentId, FileId
from rag_service.domain.uploads import FileStatus
from rag_service.reasons import ADVICE

MAX_NOTES_CHARS = 4000

router = APIRouter(prefix="/v1/corpora/{corpus}/drafts", tags=["drafts"], route_class=RepeatableRoute)

Notes = Annotated[Text, Field(max_length=MAX_NOTES_CHARS)]

_STATUS: dict[RevisionState, FileStatus] = {
    RevisionState.PENDING: "in_progress",
    RevisionState.PREPARED: "completed",
    RevisionState.FAILED: "failed",
}


class NewDraft(BaseModel):
    """A draft to be opened; its name is free again once it is published or discarded."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: Name
    notes: Notes = ""


class Removal(BaseModel):
    """A document that is to leave the corpus."""

    model_config = ConfigDict(strict=True, extra="forbid")

    document_id: Name


class SealRequest(BaseModel):
    """What a draft is sealed for: to be asked as corpus@draft by those who may publish, or for everyone."""

    model_config = ConfigDict(extra="forbid")

    purpose: SealPurpose


class DraftOut(Listed):
    """A list of changes. `number` is the version it becomes, from the moment it is sealed."""

    object: Literal["corpus.draft"] = "corpus.draft"
    corpus_id: str
    name: str | None
    automatic: bool
    notes: str
    state: str
    purpose: str | None
    number: int | None
    base: int
    sealed_against: int | None
    created_at: int


class ChangeOut(BaseModel):
    """What happens to a document. A file is completed when it can be published; `advice` says what to do otherwise."""

    object: Literal["corpus.draft.change"] = "corpus.draft.change"
    document_id: str
    document_key: str
    action: Literal["write", "remove"]
    revision: int | None
    file_id: str | None
    filename: str | None
    state: FileStatus
    reason: str | None
    advice: str | None


class DraftWithChanges(DraftOut):
    """A draft and what it changes, by document key."""

    changes: list[ChangeOut]


class RemovalOut(BaseModel):
    """A removal that is in the draft now."""

    object: Literal["corpus.draft.removal"] = "corpus.draft.removal"
    document_id: str


class ChangeDropped(BaseModel):
    """A document that the draft no longer changes."""

    id: str
    object: Literal["corpus.draft.change.deleted"] = "corpus.draft.change.deleted"
    deleted: bool = True


class DraftDiscarded(BaseModel):
    """A draft that is closed for good."""

    id: str
    object: Literal["corpus.draft.deleted"] = "corpus.draft.deleted"
    deleted: bool = True


@router.get("")
async def list_drafts(parts: Parts, scope: Scope, corpus: Ref) -> ItemList[DraftOut]:
    """List the live drafts, newest first; the automatic one takes plain uploads."""
    drafts = await parts.drafts.list(scope, corpus=corpus)
    return item_list([draft_out(draft) for draft in drafts], has_more=False)


@router.post("")
async def open_draft(parts: Parts, scope: Scope, corpus: Ref, body: NewDraft) -> DraftOut:
    """Open a draft that is held until somebody publishes it."""
    return draft_out(await parts.drafts.open(scope, corpus=corpus, name=body.name, notes=body.notes))


@router.get("/{draft}")
async def read_draft(parts: Parts, scope: Scope, corpus: Ref, draft: Ref) -> DraftWithChanges:
    """Describe a draft, by id or name, with its changes."""
    found, changes = await parts.drafts.get(scope, corpus=corpus, draft=draft)
    return DraftWithChanges(**draft_out(found).model_dump(), changes=[_change(change) for change in changes])


@router.delete("/{draft}")
async def discard_draft(parts: Parts, scope: Scope, corpus: Ref, draft: Ref) -> DraftDiscarded:
    """Close an open draft; nothing of it is published."""
    found, _ = await parts.drafts.get(scope, corpus=corpus, draft=draft)
    await parts.drafts.discard(scope, corpus=corpus, draft=found.id)
    return DraftDiscarded(id=found.id)


@router.post("/{draft}/files")
async def add_file(parts: Parts, scope: Scope, corpus: Ref, draft: Ref, body: NewVectorStoreFile) -> VectorStoreFile:
    """Put a file into the draft. What is published stays as it is."""
    accepted = await parts.uploads.accept_file(
        scope,
        corpus=corpus,
        draft=draft,
        file_id=FileId(body.file_id),
        attributes=body.attributes or {},
        principals=frozenset(body.principals) if body.principals else None,
    )
    return vector_store_file(accepted)


@router.post("/{draft}/removals")
async def remove_document(parts: Parts, scope: Scope, corpus: Ref, draft: Ref, body: Removal) -> RemovalOut:
    """Make the removal of a document a change of the draft."""
    document_id = DocumentId(body.document_id)
    await parts.drafts.remove_document(scope, corpus=corpus, draft=draft, document_id=document_id)
    return RemovalOut(document_id=document_id)


@router.delete("/{draft}/documents/{document_id}")
async def drop_change(parts: Parts, scope: Scope, corpus: Ref, draft: Ref, document_id: Ref) -> ChangeDropped:
    """Take the change to a document out of the draft."""
    await parts.drafts.drop_change(scope, corpus=corpus, draft=draft, document_id=DocumentId(document_id))
    return ChangeDropped(id=document_id)


@router.post("/{draft}/seal", status_code=202)
async def seal_draft(parts: Parts, scope: Scope, corpus: Ref, draft: Ref, body: SealRequest) -> JobOut:
    """Make a version of the draft, in the background."""
    job = await parts.drafts.ask_for_seal(scope, corpus=corpus, draft=draft, purpose=body.purpose)
    return await reply_about(parts.jobs, scope, job.id)


@router.post("/{draft}/publish", status_code=202)
async def publish_draft(parts: Parts, scope: Scope, corpus: Ref, draft: Ref) -> JobOut:
    """Make a version of the draft and publish it, in the background."""
    job = await parts.drafts.ask_for_seal(scope, corpus=corpus, draft=draft, purpose=SealPurpose.PUBLISH)
    return await reply_about(parts.jobs, scope, job.id)


@router.post("/{draft}/unseal", status_code=202)
async def unseal_draft(parts: Parts, scope: Scope, corpus: Ref, draft: Ref) -> JobOut:
    """Open a sealed draft again, in the background."""
    job = await parts.drafts.ask_for_unseal(scope, corpus=corpus, draft=draft)
    return await reply_about(parts.jobs, scope, job.id)


def draft_out(draft: Draft) -> DraftOut:
    """Return a draft as it is written in replies."""
    return DraftOut(
        id=draft.id,
        corpus_id=draft.corpus_id,
        name=draft.name,
        automatic=draft.automatic,
        notes=draft.notes,
        state=draft.state.value,
        purpose=draft.purpose.value if draft.purpose else None,
        number=draft.number,
        base=draft.base,
        sealed_against=draft.sealed_against,
        created_at=int(draft.created_at.timestamp()),
    )


def _change(described: DescribedChange) -> ChangeOut:
    revision = described.revision
    reason = revision.reason if revision else None
    return ChangeOut(
        document_id=described.change.document_id,
        document_key=described.key,
        action="write" if revision else "remove",
        revision=described.change.revision,
        file_id=revision.file_id if revision else None,
        filename=revision.filename if revision else None,
        # A removal needs no preparing.
        state=_STATUS[revision.state] if revision else "completed",
        reason=reason,
        advice=ADVICE[reason] if reason else None,
    )
