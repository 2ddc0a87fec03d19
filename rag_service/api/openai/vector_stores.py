"""/v1/vector_stores: corpora, and searching them."""

import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, field_validator

from rag_service.api.admission import Admitted
from rag_service.api.dependencies import Parts, Scope
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.lists import Asked, ItemList, Listed, item_list
from rag_service.api.openai.chunking_strategy import ChunkingStrategy
from rag_service.api.openai.search_reply import SearchReply, merged, search_reply
from rag_service.api.openai.search_wishes import PerDocument
from rag_service.api.texts import Name, Ref, Text
from rag_service.domain.access import AccessScope
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.filters import parse_filter
from rag_service.domain.ids import FileId
from rag_service.domain.versions import Corpus
from rag_service.ports.catalog import Transaction
from rag_service.use_cases.searching.options import SearchOptions

MAX_FILE_IDS = 100
MAX_QUERIES = 10

router = APIRouter(prefix="/v1/vector_stores", tags=["vector stores"], route_class=RepeatableRoute)


class NewVectorStore(BaseModel):
    """A corpus to be made. Without a name it gets one."""

    model_config = ConfigDict(strict=True, extra="ignore")

    name: Name | None = None
    description: Text | None = None
    file_ids: Annotated[list[Name], Field(max_length=MAX_FILE_IDS)] = []
    chunking_strategy: ChunkingStrategy = None
    expires_after: Any = None
    metadata: dict[str, Any] | None = None

    @field_validator("expires_after", "metadata")
    @classmethod
    def _unsupported(cls, value: object) -> object:
        if value:
            raise ValueError("is not supported: a corpus does not expire and keeps no metadata of its own")
        return value


class FileCounts(BaseModel):
    """Documents of the corpus by status, each at its newest revision."""

    in_progress: int
    completed: int
    failed: int
    cancelled: Literal[0] = 0
    total: int


class VectorStore(Listed):
    """A corpus. `version` is the published one, 0 before the first.

    `dense_weight`, in [0, 1], is what was learned of its golden questions: the most that meaning counts in a search,
    null where it is searched with the usual one.
    """

    object: Literal["vector_store"] = "vector_store"
    created_at: int
    name: str
    description: str
    status: Literal["in_progress", "completed"]
    file_counts: FileCounts
    usage_bytes: int
    last_active_at: int | None = None
    expires_after: None = None
    expires_at: None = None
    metadata: None = None
    version: int
    dense_weight: float | None = None


class VectorStoreDeleted(BaseModel):
    """A corpus that is gone, and the erasure that removes it."""

    id: str
    object: Literal["vector_store.deleted"] = "vector_store.deleted"
    deleted: bool = True
    erasure: str


class SearchRequest(BaseModel):
    """A search, or several whose results are merged.

    `filters` as OpenAI has them: on attributes, and on `document_key`, `filename`, `content_type`, `language` and
    `created_at`, as they were at the version.

    OpenAI does not have: `per_document`, the most results of one document. `distinct`, which leaves out what nearly
    repeats a better result. `exact`, which compares with every chunk instead of walking the index's graph: slower in
    a large corpus, and an old version gives the same results and scores however much was written since.
    """

    model_config = ConfigDict(strict=True, extra="ignore")

    query: Text | Annotated[list[Text], Field(min_length=1, max_length=MAX_QUERIES)]
    max_num_results: Annotated[int, Field(ge=1, le=50)] = 10
    filters: Any = None
    ranking_options: Any = None
    rewrite_query: bool | None = None
    exact: bool = False
    distinct: bool = False
    per_document: PerDocument | None = None

    @field_validator("query")
    @classmethod
    def _not_blank(cls, value: str | list[str]) -> str | list[str]:
        if not all(query.strip() for query in ([value] if isinstance(value, str) else value)):
            raise ValueError("must not be empty")
        return value

    @field_validator("ranking_options", "rewrite_query")
    @classmethod
    def _unsupported(cls, value: object) -> object:
        if value:
            raise ValueError("is not supported")
        return value

    @property
    def queries(self) -> Sequence[str]:
        """The queries, one or more."""
        return [self.query] if isinstance(self.query, str) else self.query

    def options(self) -> SearchOptions:
        """Return how the search is wanted.

        Raises:
            InvalidRequest: the filters cannot be understood.
        """
        return SearchOptions(
            limit=self.max_num_results,
            exact=self.exact,
            distinct=self.distinct,
            per_document=self.per_document,
            filters=None if self.filters is None else parse_filter(self.filters),
        )


@router.post("")
async def create_vector_store(parts: Parts, scope: Scope, body: NewVectorStore) -> VectorStore:
    """Make a corpus, and put files into it."""
    await _check_files(parts, scope, body.file_ids)
    name = body.name or f"corpus-{secrets.token_hex(4)}"
    corpus = await parts.create_corpus(scope, name=name, description=body.description or "")
    await parts.uploads.accept_files(
        scope, corpus=corpus.id, files=[(FileId(file_id), {}) for file_id in body.file_ids]
    )
    async with parts.catalog.reading() as tx:
        return await _vector_store(tx, scope, corpus)


@router.get("")
async def list_vector_stores(parts: Parts, scope: Scope, page: Asked) -> ItemList[VectorStore]:
    """List corpora by time of creation."""
    async with parts.catalog.reading() as tx:
        found = await tx.corpora.list(scope, page)
        stores = [await _vector_store(tx, scope, corpus) for corpus in found.items]
    return item_list(stores, has_more=found.has_more)


@router.get("/{vector_store_id}")
async def read_vector_store(parts: Parts, scope: Scope, vector_store_id: Ref) -> VectorStore:
    """Describe a corpus, by id or name."""
    async with parts.tell_erased(scope, TombstoneKind.CORPUS, vector_store_id), parts.catalog.reading() as tx:
        return await _vector_store(tx, scope, await tx.corpora.get(scope, vector_store_id))


@router.delete("/{vector_store_id}")
async def delete_vector_store(parts: Parts, scope: Scope, vector_store_id: Ref) -> VectorStoreDeleted:
    """Erase a corpus, by id or name: nobody sees it any more, and all of it is removed. Needs `admin`."""
    erasure = await parts.request_erasure.corpus(scope, vector_store_id)
    return VectorStoreDeleted(id=erasure.subject["corpus_id"], erasure=erasure.id)


@router.post("/{vector_store_id}/search")
async def search_vector_store(
    parts: Parts, scope: Scope, _: Admitted, vector_store_id: Ref, body: SearchRequest
) -> SearchReply:
    """Find passages, best first."""
    options = body.options()
    pinned = await parts.search.pin(scope, vector_store_id)
    results = [await parts.search.at(scope, pinned, query, options) for query in body.queries]
    passages = merged([result.passages for result in results], options)
    degraded = [reason for result in results for reason in result.degraded]
    return search_reply(pinned, body.queries, passages, degraded=degraded)


async def _check_files(parts: Parts, scope: AccessScope, file_ids: Sequence[str]) -> None:
    """Raise NotFound before anything is made, so that a wrong id leaves no empty corpus behind."""
    async with parts.catalog.reading() as tx:
        for file_id in file_ids:
            await tx.files.get(scope, FileId(file_id))


async def _vector_store(tx: Transaction, scope: AccessScope, corpus: Corpus) -> VectorStore:
    counts = await tx.corpora.file_counts(scope, corpus.id)
    return VectorStore(
        id=corpus.id,
        created_at=int(corpus.created_at.timestamp()),
        name=corpus.name,
        description=corpus.description,
        status="in_progress" if counts["in_progress"] else "completed",
        file_counts=FileCounts(
            in_progress=counts["in_progress"],
            completed=counts["completed"],
            failed=counts["failed"],
            total=counts["total"],
        ),
        usage_bytes=counts.get("size_bytes", 0),
        version=corpus.published,
        dense_weight=corpus.dense_weight,
    )
