"""POST /v1/corpora/{corpus}/rows: many small documents in one request, as JSON lines."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.texts import Name, Ref
from rag_service.domain.rows import read_row
from rag_service.domain.uploads import FileStatus

router = APIRouter(prefix="/v1/corpora", tags=["corpora"])


class ImportedRow(BaseModel):
    """A row as a document: `id` is its file's, `document_key` the row's."""

    id: str
    document_key: str
    status: FileStatus


class ImportedRows(BaseModel):
    """The rows in the order of the request."""

    object: Literal["list"] = "list"
    data: list[ImportedRow]


@router.post("/{corpus}/rows")
async def import_rows(
    corpus: Ref,
    request: Request,
    parts: Parts,
    scope: Scope,
    principals: Annotated[list[Name] | None, Query(alias="principal", max_length=64)] = None,
) -> ImportedRows:
    """Accept lines of {id, title, text}; each is a document of its own. The same line again changes nothing."""
    lines = [line for line in (await request.body()).splitlines() if line.strip()]
    rows = [read_row(line, f"line {number}") for number, line in enumerate(lines, start=1)]
    files = await parts.uploads.accept_rows(
        scope, corpus=corpus, rows=rows, principals=frozenset(principals) if principals else None
    )
    return ImportedRows(
        data=[
            ImportedRow(id=file.revision.file_id, document_key=row.id, status=file.status)
            for row, file in zip(rows, files, strict=True)
        ]
    )
