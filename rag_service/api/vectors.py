"""/v1/corpora/{corpus}/vectors: vectors that come with rows instead of being computed."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.texts import Ref
from rag_service.domain.given_vectors import read_given

router = APIRouter(prefix="/v1/corpora/{corpus}/vectors", tags=["corpora"])


class WantedOut(BaseModel):
    """What vectors have to be: of these dimensions and this model; `embedder` is the fingerprint of all that decides them."""

    object: Literal["corpus.vectors"] = "corpus.vectors"
    dimensions: int
    model: str
    embedder: str


class KeptOut(BaseModel):
    """Whether the vector of a row is kept; the text of another one is embedded when the row is uploaded."""

    document_key: str
    kept: bool


class KeptVectorsOut(BaseModel):
    """The rows in the order of the request."""

    object: Literal["list"] = "list"
    data: list[KeptOut]


@router.get("")
async def wanted_vectors(parts: Parts, scope: Scope, corpus: Ref) -> WantedOut:
    """Say which vectors can be given with rows."""
    wanted = await parts.keep_given_vectors.wanted(scope, corpus=corpus)
    return WantedOut(dimensions=wanted.dimensions, model=wanted.model, embedder=wanted.embedder)


@router.post("")
async def keep_vectors(corpus: Ref, request: Request, parts: Parts, scope: Scope) -> KeptVectorsOut:
    """Keep the vectors of lines {id, title, text, vector, embedder}; the rows themselves are uploaded after them."""
    lines = [line for line in (await request.body()).splitlines() if line.strip()]
    given = [read_given(line, f"line {number}") for number, line in enumerate(lines, start=1)]
    kept = await parts.keep_given_vectors(scope, corpus=corpus, given=given)
    return KeptVectorsOut(
        data=[KeptOut(document_key=one.row.id, kept=is_kept) for one, is_kept in zip(given, kept, strict=True)]
    )
