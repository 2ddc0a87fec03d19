"""/v1/vector_stores/{id}/file_batches: several files at once.

A batch is nothing but a set of files and a time, so its id says both and nothing is stored for it.
What is told about a batch is read from its files, under the rights of whoever asks.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.lists import Asked, ItemList, Listed, item_list, page_of
from rag_service.api.openai.chunking_strategy import ChunkingStrategy
from rag_service.api.openai.vector_store_files import (
    AttributeValues,
    Principals,
    VectorStoreFile,
    vector_store_file,
)
from rag_service.api.texts import MAX_REF_CHARS, Name, Ref
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import Attributes
from rag_service.domain.ids import FileId
from rag_service.domain.uploads import CorpusFile
from rag_service.errors import InvalidRequest, NotFound

MAX_FILES = 100

_PREFIX = "vsfb_"
_MAX_ID_CHARS = 8192
_MAX_DECODED_BYTES = 64 * 1024

router = APIRouter(
    prefix="/v1/vector_stores/{vector_store_id}/file_batches", tags=["vector stores"], route_class=RepeatableRoute
)

BatchRef = Annotated[str, Path(max_length=_MAX_ID_CHARS)]


class BatchedFile(BaseModel):
    """A file with attributes of its own."""

    model_config = ConfigDict(strict=True, extra="ignore")

    file_id: Name
    attributes: AttributeValues | None = None
    chunking_strategy: ChunkingStrategy = None


class NewFileBatch(BaseModel):
    """Files for a corpus: `file_ids`, all with the same attributes, or `files`, each with its own.

    `principals` (ours) are those who may see the documents.
    """

    model_config = ConfigDict(strict=True, extra="ignore")

    file_ids: Annotated[list[Name], Field(min_length=1, max_length=MAX_FILES)] | None = None
    files: Annotated[list[BatchedFile], Field(min_length=1, max_length=MAX_FILES)] | None = None
    attributes: AttributeValues | None = None
    chunking_strategy: ChunkingStrategy = None
    principals: Principals | None = None

    def wanted(self) -> list[tuple[FileId, Attributes]]:
        """Return the files with their attributes, each file once among `file_ids`."""
        if (self.file_ids is None) == (self.files is None):
            raise InvalidRequest("Send file_ids or files, and not both.", param="file_ids")
        if self.files is not None:
            return [(FileId(file.file_id), file.attributes or {}) for file in self.files]
        return [(FileId(file_id), self.attributes or {}) for file_id in dict.fromkeys(self.file_ids or ())]


class BatchCounts(BaseModel):
    """Files of a batch by status. Cancelled ones have been taken out of the corpus, or replaced, since."""

    in_progress: int
    completed: int
    failed: int
    cancelled: int
    total: int


class FileBatch(Listed):
    """A batch of files."""

    object: Literal["vector_store.files_batch"] = "vector_store.files_batch"
    created_at: int
    vector_store_id: str
    status: Literal["in_progress", "completed"]
    file_counts: BatchCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    created_at: int
    file_ids: tuple[str, ...]

    def id(self) -> str:
        packed = zlib.compress(json.dumps([self.created_at, *self.file_ids]).encode(), level=9)
        return _PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")


@router.post("")
async def create_file_batch(parts: Parts, scope: Scope, vector_store_id: Ref, body: NewFileBatch) -> FileBatch:
    """Put the files into the corpus."""
    accepted = await parts.uploads.accept_files(
        scope,
        corpus=vector_store_id,
        files=body.wanted(),
        principals=frozenset(body.principals) if body.principals else None,
    )
    # An unchanged file stays the revision of its first upload, and is known by that file from here on.
    current = tuple(dict.fromkeys(file.revision.file_id for file in accepted))
    batch = _Batch(created_at=int(parts.clock().timestamp()), file_ids=current)
    return _file_batch(batch, accepted[0].corpus_id, accepted)


@router.get("/{batch_id}")
async def read_file_batch(parts: Parts, scope: Scope, vector_store_id: Ref, batch_id: BatchRef) -> FileBatch:
    """Say how far the batch is."""
    batch = _decoded(batch_id)
    async with parts.catalog.reading() as tx:
        corpus = await tx.corpora.get(scope, vector_store_id)
    return _file_batch(batch, corpus.id, await _files(parts, scope, corpus.id, batch))


@router.get("/{batch_id}/files")
async def list_file_batch_files(
    parts: Parts, scope: Scope, vector_store_id: Ref, batch_id: BatchRef, page: Asked
) -> ItemList[VectorStoreFile]:
    """List the batch's files."""
    batch = _decoded(batch_id)
    async with parts.catalog.reading() as tx:
        corpus = await tx.corpora.get(scope, vector_store_id)
    files = await _files(parts, scope, corpus.id, batch)
    found = page_of([vector_store_file(file) for file in reversed(files)], page, id_of=lambda file: file.id)
    return item_list(found.items, has_more=found.has_more)


async def _files(parts: Parts, scope: AccessScope, corpus: str, batch: _Batch) -> list[CorpusFile]:
    found = [await _file(parts, scope, corpus, file_id) for file_id in batch.file_ids]
    return [file for file in found if file is not None]


async def _file(parts: Parts, scope: AccessScope, corpus: str, file_id: str) -> CorpusFile | None:
    try:
        return await parts.read_corpus_file(scope, corpus=corpus, file_id=FileId(file_id))
    except NotFound:
        return None


def _file_batch(batch: _Batch, corpus_id: str, files: Sequence[CorpusFile]) -> FileBatch:
    by_id = {file.revision.file_id: file.status for file in files}
    statuses = list(by_id.values())
    counts = BatchCounts(
        in_progress=statuses.count("in_progress"),
        completed=statuses.count("completed"),
        failed=statuses.count("failed"),
        cancelled=len(batch.file_ids) - len(statuses),
        total=len(batch.file_ids),
    )
    return FileBatch(
        id=batch.id(),
        created_at=batch.created_at,
        vector_store_id=corpus_id,
        status="in_progress" if counts.in_progress else "completed",
        file_counts=counts,
    )


def _decoded(batch_id: str) -> _Batch:
    try:
        packed = base64.urlsafe_b64decode(batch_id.removeprefix(_PREFIX) + "==")
        unpacked = zlib.decompressobj().decompress(packed, _MAX_DECODED_BYTES)
        created_at, *file_ids = json.loads(unpacked)
    except (binascii.Error, ValueError, zlib.error, TypeError, RecursionError) as exc:
        raise NotFound("file batch", batch_id) from exc
    if not _is_batch(batch_id, created_at, file_ids):
        raise NotFound("file batch", batch_id)
    return _Batch(created_at=created_at, file_ids=tuple(file_ids))


def _is_batch(batch_id: str, created_at: object, file_ids: Sequence[object]) -> bool:
    are_ids = all(isinstance(file_id, str) and _is_id(file_id) for file_id in file_ids)
    return batch_id.startswith(_PREFIX) and isinstance(created_at, int) and are_ids and 0 < len(file_ids) <= MAX_FILES


def _is_id(text: str) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= MAX_REF_CHARS
