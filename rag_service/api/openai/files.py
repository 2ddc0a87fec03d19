"""/v1/files: raw uploads, before they belong to any corpus.

A raw file knows no corpus and no principals, so only uploaders see what there is, and only admins read the bytes:
everybody else reads documents, with rights checked.
"""

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Literal, get_args
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from rag_service.api import idempotency
from rag_service.api.dependencies import Parts, Scope, container_of
from rag_service.api.lists import Asked, ItemList, Listed, item_list
from rag_service.api.multipart import Upload, read_upload
from rag_service.api.texts import Ref
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.documents import StoredFile
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.ids import FileId
from rag_service.errors import InvalidRequest
from rag_service.use_cases.permissions import require

Purpose = Literal["assistants", "user_data"]

_DEFAULT_PURPOSE = "assistants"
_FIELDS = frozenset({"purpose"})

router = APIRouter(prefix="/v1/files", tags=["files"])
# Deleting has no body and a fixed reply; the upload below hashes its body as it streams.
_writes = APIRouter(route_class=idempotency.RepeatableRoute)


class FileObject(Listed):
    """An uploaded file."""

    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["uploaded"] = "uploaded"
    sha256: str


class FileDeleted(BaseModel):
    """A file that is gone."""

    id: str
    object: Literal["file"] = "file"
    deleted: bool = True


def file_object(file: StoredFile) -> FileObject:
    """Return a file as OpenAI writes it."""
    return FileObject(
        id=file.id,
        bytes=file.size_bytes,
        created_at=int(file.created_at.timestamp()),
        filename=file.filename,
        purpose=file.purpose,
        sha256=file.sha256,
    )


@router.post("", response_model=FileObject)
async def create_file(request: Request, scope: Scope) -> Response:
    """Store the file of a multipart form, as it arrives."""
    key = idempotency.key_of(request)
    if key is None:
        return _reply(await _store(request, scope, await read_upload(request)))
    with idempotency.in_flight(request).claim(scope, key):
        return await _create_once(request, scope, key)


@router.get("")
async def list_files(
    parts: Parts, scope: Scope, page: Asked, purpose: Annotated[str | None, Query()] = None
) -> ItemList[FileObject]:
    """List uploaded files by time of upload."""
    if purpose is not None:
        raise InvalidRequest("Lists of files cannot be narrowed by purpose.", param="purpose")
    require(scope, Permission.UPLOAD, kind="endpoint", ref="/v1/files")
    async with parts.catalog.reading() as tx:
        found = await tx.files.list(scope, page)
    return item_list([file_object(file) for file in found.items], has_more=found.has_more)


@router.get("/{file_id}")
async def read_file(parts: Parts, scope: Scope, file_id: Ref) -> FileObject:
    """Describe a file."""
    require(scope, Permission.UPLOAD, kind="file", ref=file_id)
    async with parts.tell_erased(scope, TombstoneKind.FILE, file_id), parts.catalog.reading() as tx:
        return file_object(await tx.files.get(scope, FileId(file_id)))


@router.get("/{file_id}/content", response_class=StreamingResponse)
async def read_file_content(parts: Parts, scope: Scope, file_id: Ref) -> StreamingResponse:
    """Return a file's bytes. They are never shown as a page of ours, whatever they are."""
    require(scope, Permission.ADMIN, kind="file", ref=file_id)
    async with parts.tell_erased(scope, TombstoneKind.FILE, file_id), parts.catalog.reading() as tx:
        file = await tx.files.get(scope, FileId(file_id))
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}",
        "content-length": str(file.size_bytes),
        "x-content-type-options": "nosniff",
    }
    content = parts.blobs.read(scope, file.sha256)
    return StreamingResponse(await _begun(content), media_type="application/octet-stream", headers=headers)


async def _begun(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Return `content` when its first piece is there: until then what is wrong with it can be told."""
    first = await anext(content, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for piece in content:
            yield piece

    return whole()


@_writes.delete("/{file_id}")
async def delete_file(parts: Parts, scope: Scope, file_id: Ref) -> FileDeleted:
    """Delete a file that no document was made from."""
    require(scope, Permission.UPLOAD, kind="file", ref=file_id)
    async with parts.catalog.writing() as tx:
        await tx.files.delete(scope, FileId(file_id))
    return FileDeleted(id=file_id)


router.include_router(_writes)


async def _create_once(request: Request, scope: AccessScope, key: str) -> Response:
    upload = await read_upload(request)
    async with container_of(request).catalog.reading() as tx:
        is_repeated = await tx.replies.find(scope, key) is not None
    if is_repeated:
        # Read, hashed and thrown away: only equal bytes deserve the kept reply.
        request_hash = _hash(upload.filename, _purpose(upload), await idempotency.sha256_of(upload.content))
        kept = await idempotency.kept_reply(request, scope, key, request_hash)
        if kept is not None:
            return kept
        raise InvalidRequest("The reply kept for this key is gone. Use a new one.", param=idempotency.HEADER)
    file = await _store(request, scope, upload)
    request_hash = _hash(upload.filename, file.purpose, file.sha256)
    return await idempotency.keep(request, scope, key, request_hash, _reply(file))


async def _store(request: Request, scope: AccessScope, upload: Upload) -> StoredFile:
    purpose = _purpose(upload)
    return await container_of(request).store_file(
        scope, filename=upload.filename, purpose=purpose, content=_checked(upload, purpose)
    )


async def _checked(upload: Upload, purpose: str) -> AsyncIterator[bytes]:
    """Yield the content; refuse, before the last word, fields that would have changed what was begun."""
    async for piece in upload.content:
        yield piece
    if _purpose(upload) != purpose:
        raise InvalidRequest("Send the field 'purpose' before the file.", param="purpose")


def _purpose(upload: Upload) -> str:
    unknown = sorted(upload.fields.keys() - _FIELDS)
    if unknown:
        raise InvalidRequest(f"The field '{unknown[0]}' is not supported here.", param=unknown[0])
    purpose = upload.fields.get("purpose", _DEFAULT_PURPOSE)
    if purpose not in get_args(Purpose):
        raise InvalidRequest(f"purpose must be one of: {', '.join(get_args(Purpose))}.", param="purpose")
    return purpose


def _hash(filename: str, purpose: str, sha256: str) -> str:
    return hashlib.sha256(f"{filename}\n{purpose}\n{sha256}".encode("utf-8", "replace")).hexdigest()


def _reply(file: StoredFile) -> Response:
    return Response(file_object(file).model_dump_json(), media_type="application/json")
