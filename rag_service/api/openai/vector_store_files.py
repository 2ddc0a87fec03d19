"""/v1/vector_stores/{id}/files: the documents of a corpus, each at its newest revision."""

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.lists import Asked, ItemList, Listed, item_list
from rag_service.api.openai.chunking_strategy import ChunkingStrategy
from rag_service.api.openai.search_reply import TextContent
from rag_service.api.texts import Name, Ref, Text
from rag_service.domain.documents import RevisionState
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.ids import FileId
from rag_service.domain.uploads import CorpusFile
from rag_service.errors import Conflict
from rag_service.reasons import ADVICE, ReasonCode

MAX_ATTRIBUTES = 16

_UNSUPPORTED = frozenset({ReasonCode.UNSUPPORTED_TYPE, ReasonCode.TYPE_MISMATCH})
_OURS = frozenset(
    {
        ReasonCode.INTERNAL,
        ReasonCode.PARSER_TIMEOUT,
        ReasonCode.PARSER_OUT_OF_MEMORY,
        ReasonCode.PARSER_CRASHED,
    }
)

router = APIRouter(
    prefix="/v1/vector_stores/{vector_store_id}/files", tags=["vector stores"], route_class=RepeatableRoute
)

AttributeName = Annotated[Name, Field(max_length=64)]
AttributeText = Annotated[Text, Field(max_length=512)]
AttributeValues = Annotated[dict[AttributeName, AttributeText | bool | FiniteFloat], Field(max_length=MAX_ATTRIBUTES)]
Principals = Annotated[list[Name], Field(min_length=1, max_length=64)]


class NewVectorStoreFile(BaseModel):
    """A file for a corpus. `principals` (ours) are those who may see the document."""

    model_config = ConfigDict(strict=True, extra="ignore")

    file_id: Name
    attributes: AttributeValues | None = None
    chunking_strategy: ChunkingStrategy = None
    principals: Principals | None = None


class LastError(BaseModel):
    """Why a file failed. `reason` (ours) is the exact code, `message` says what to do."""

    code: Literal["server_error", "unsupported_file", "invalid_file"]
    message: str
    reason: str


class OtherChunking(BaseModel):
    """OpenAI's word for a strategy that is none of its own."""

    type: Literal["other"] = "other"


class VectorStoreFile(Listed):
    """A document by the file it was last uploaded as. Completed means visible in the published version.

    `sha256` (ours) is the hash of that file's bytes.
    """

    object: Literal["vector_store.file"] = "vector_store.file"
    created_at: int
    vector_store_id: str
    status: Literal["in_progress", "completed", "failed"]
    usage_bytes: int
    sha256: str
    last_error: LastError | None
    attributes: Mapping[str, str | float | bool]
    chunking_strategy: OtherChunking = OtherChunking()
    filename: str
    document_id: str
    revision: int
    chunk_count: int
    language: str | None


class VectorStoreFileDeleted(BaseModel):
    """A file that leaves the corpus with its next version."""

    id: str
    object: Literal["vector_store.file.deleted"] = "vector_store.file.deleted"
    deleted: bool = True


class FileContent(BaseModel):
    """The canonical text of a document."""

    object: Literal["vector_store.file_content.page"] = "vector_store.file_content.page"
    data: list[TextContent]
    has_more: bool = False
    next_page: None = None


def vector_store_file(file: CorpusFile) -> VectorStoreFile:
    """Return a document as OpenAI writes it."""
    revision = file.revision
    return VectorStoreFile(
        id=revision.file_id,
        created_at=int(revision.created_at.timestamp()),
        vector_store_id=file.corpus_id,
        status=file.status,
        usage_bytes=revision.size_bytes,
        sha256=revision.raw_sha256,
        last_error=_last_error(revision.reason) if revision.reason else None,
        attributes=revision.attributes,
        filename=revision.filename,
        document_id=revision.document_id,
        revision=revision.number,
        chunk_count=revision.chunk_count,
        language=revision.language,
    )


@router.post("")
async def create_vector_store_file(
    parts: Parts, scope: Scope, vector_store_id: Ref, body: NewVectorStoreFile
) -> VectorStoreFile:
    """Put a file into the corpus. Once this is answered, it is never lost."""
    accepted = await parts.uploads.accept_file(
        scope,
        corpus=vector_store_id,
        file_id=FileId(body.file_id),
        attributes=body.attributes or {},
        principals=frozenset(body.principals) if body.principals else None,
    )
    return vector_store_file(accepted)


@router.get("")
async def list_vector_store_files(
    parts: Parts,
    scope: Scope,
    vector_store_id: Ref,
    page: Asked,
    status: Annotated[Literal["in_progress", "completed", "failed"] | None, Query(alias="filter")] = None,
) -> ItemList[VectorStoreFile]:
    """List the documents, by time of creation."""
    found = await parts.list_corpus_files(scope, corpus=vector_store_id, page=page, status=status)
    return item_list([vector_store_file(file) for file in found.items], has_more=found.has_more)


@router.get("/{file_id}")
async def read_vector_store_file(parts: Parts, scope: Scope, vector_store_id: Ref, file_id: Ref) -> VectorStoreFile:
    """Describe a document, and how far it is."""
    async with parts.tell_erased(scope, TombstoneKind.FILE, file_id):
        return vector_store_file(await parts.read_corpus_file(scope, corpus=vector_store_id, file_id=FileId(file_id)))


@router.get("/{file_id}/content")
async def read_vector_store_file_content(parts: Parts, scope: Scope, vector_store_id: Ref, file_id: Ref) -> FileContent:
    """Return a document's text as the parser saw it."""
    async with parts.tell_erased(scope, TombstoneKind.FILE, file_id):
        file = await parts.read_corpus_file(scope, corpus=vector_store_id, file_id=FileId(file_id))
    revision = file.revision
    if revision.state is not RevisionState.PREPARED:
        raise Conflict(f"This file has no text: it is {file.status}.")
    _, parsed = await parts.read_revision_text(scope, revision.document_id, revision.number)
    return FileContent(data=[TextContent(text=parsed.text)])


@router.delete("/{file_id}")
async def delete_vector_store_file(
    parts: Parts, scope: Scope, vector_store_id: Ref, file_id: Ref
) -> VectorStoreFileDeleted:
    """Take a document out of the next version of the corpus."""
    await parts.remove_document(scope, corpus=vector_store_id, file_id=FileId(file_id))
    return VectorStoreFileDeleted(id=file_id)


def _last_error(reason: ReasonCode) -> LastError:
    return LastError(code=_error_code(reason), message=ADVICE[reason], reason=reason)


def _error_code(reason: ReasonCode) -> Literal["server_error", "unsupported_file", "invalid_file"]:
    if reason in _UNSUPPORTED:
        return "unsupported_file"
    return "server_error" if reason in _OURS else "invalid_file"
