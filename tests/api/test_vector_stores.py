"""/v1/vector_stores as OpenAI's client uses it."""

import hashlib
from dataclasses import replace

import httpx
import pytest
from openai import AsyncOpenAI, ConflictError, NotFoundError
from openai.types.shared_params import ComparisonFilter, CompoundFilter

from rag_service.domain.documents import Block, BlockKind, ParsedDocument, PreparedRevision
from rag_service.domain.filters import parse_filter
from rag_service.domain.ids import CorpusId, DocumentId
from rag_service.domain.spans import Span
from rag_service.domain.table_rows import TableRows
from rag_service.reasons import ADVICE, ReasonCode
from tests.api.parts import Service, passage

TEXT = "Parking\n\nThe car park closes at 22:30."


async def attach(openai: AsyncOpenAI, store: str, name: str = "a.md", content: bytes = b"text") -> str:
    file = await openai.files.create(file=(name, content), purpose="assistants")
    await openai.vector_stores.files.create(store, file_id=file.id)
    return file.id


async def prepare(
    service: Service, document_id: str, *, table_rows: tuple[TableRows, ...] = (), language: str | None = None
) -> None:
    """Do the worker's part."""
    blocks = (
        Block(span=Span(0, 7), kind=BlockKind.HEADING, level=1, page=1),
        Block(span=Span(9, len(TEXT)), kind=BlockKind.PARAGRAPH, page=2, bbox=(1, 2, 3, 4), table_rows=table_rows),
    )
    parsed = ParsedDocument(text=TEXT, blocks=blocks, title="Parking", page_count=2)
    prepared = PreparedRevision(
        document_id=DocumentId(document_id), number=1, parsed=parsed, chunk_count=1, language=language
    )
    async with service.parts.catalog.writing() as tx:
        await tx.documents.mark_prepared(service.scope, [prepared])


async def document_of(client: httpx.AsyncClient, store: str, file_id: str) -> str:
    document_id: str = (await client.get(f"/v1/vector_stores/{store}/files/{file_id}")).json()["document_id"]
    return document_id


async def test_a_store_is_made_listed_and_found_by_name_and_id(openai: AsyncOpenAI) -> None:
    made = await openai.vector_stores.create(name="handbook")

    assert made.status == "completed"
    assert [store.id async for store in openai.vector_stores.list()] == [made.id]
    assert (await openai.vector_stores.retrieve("handbook")).id == made.id
    assert (await openai.vector_stores.retrieve(made.id)).name == "handbook"


async def test_it_tells_the_fusion_weight_that_was_learned(service: Service, client: httpx.AsyncClient) -> None:
    corpus = CorpusId(await service.corpus())
    usual = (await client.get("/v1/vector_stores/handbook")).json()["dense_weight"]

    async with service.parts.catalog.writing() as tx:
        await tx.corpora.set_dense_weight(service.scope, corpus, 0.35)

    assert (usual, (await client.get("/v1/vector_stores")).json()["data"][0]["dense_weight"]) == (None, 0.35)


async def test_a_name_is_taken_once(openai: AsyncOpenAI) -> None:
    await openai.vector_stores.create(name="handbook")

    with pytest.raises(ConflictError):
        await openai.vector_stores.create(name="handbook")


@pytest.mark.parametrize(
    "field", [{"metadata": {"a": "b"}}, {"expires_after": {"anchor": "last_active_at", "days": 1}}]
)
async def test_what_is_not_kept_is_refused(client: httpx.AsyncClient, field: dict[str, object]) -> None:
    reply = await client.post("/v1/vector_stores", json={"name": "a"} | field)

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == next(iter(field))


async def test_a_store_can_be_made_with_files(openai: AsyncOpenAI) -> None:
    file = await openai.files.create(file=("a.md", b"text"), purpose="assistants")

    made = await openai.vector_stores.create(name="handbook", file_ids=[file.id])

    assert (made.status, made.file_counts.in_progress, made.file_counts.total) == ("in_progress", 1, 1)


async def test_a_wrong_file_id_leaves_no_empty_store_behind(openai: AsyncOpenAI) -> None:
    with pytest.raises(NotFoundError):
        await openai.vector_stores.create(name="handbook", file_ids=["file-nothing"])

    assert [store async for store in openai.vector_stores.list()] == []


async def test_an_attached_file_is_in_progress_until_it_is_published(service: Service, openai: AsyncOpenAI) -> None:
    store = await service.corpus()
    file_id = await attach(openai, store)

    file = await openai.vector_stores.files.retrieve(file_id, vector_store_id="handbook")

    assert (file.id, file.vector_store_id, file.status, file.last_error) == (file_id, store, "in_progress", None)
    assert [listed.id async for listed in openai.vector_stores.files.list(store)] == [file_id]
    assert [listed async for listed in openai.vector_stores.files.list(store, filter="completed")] == []


async def test_attributes_come_back(service: Service, openai: AsyncOpenAI) -> None:
    store = await service.corpus()
    file = await openai.files.create(file=("a.md", b"text"), purpose="assistants")
    attributes: dict[str, str | float | bool] = {"team": "ops", "year": 2026, "final": True}

    made = await openai.vector_stores.files.create(store, file_id=file.id, attributes=attributes)

    assert made.attributes == attributes


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (ReasonCode.UNSUPPORTED_TYPE, "unsupported_file"),
        (ReasonCode.NEEDS_PASSWORD, "invalid_file"),
        (ReasonCode.PARSER_CRASHED, "server_error"),
    ],
)
async def test_a_failed_file_says_what_to_do(
    service: Service, openai: AsyncOpenAI, client: httpx.AsyncClient, reason: ReasonCode, code: str
) -> None:
    store = await service.corpus()
    file_id = await attach(openai, store)
    document_id = DocumentId(await document_of(client, store, file_id))
    async with service.parts.catalog.writing() as tx:
        await tx.documents.mark_failed(service.scope, document_id, 1, reason=reason, detail="")

    file = (await client.get(f"/v1/vector_stores/{store}/files/{file_id}")).json()

    assert file["status"] == "failed"
    assert file["last_error"] == {"code": code, "message": ADVICE[reason], "reason": reason.value}


async def test_a_deleted_file_leaves_the_list(service: Service, openai: AsyncOpenAI) -> None:
    store = await service.corpus()
    file_id = await attach(openai, store)

    gone = await openai.vector_stores.files.delete(file_id, vector_store_id=store)

    assert gone.deleted
    assert [file async for file in openai.vector_stores.files.list(store)] == []


async def test_a_files_text_is_what_the_parser_saw(
    service: Service, openai: AsyncOpenAI, client: httpx.AsyncClient
) -> None:
    store = await service.corpus()
    file_id = await attach(openai, store)
    await prepare(service, await document_of(client, store, file_id))

    content = await openai.vector_stores.files.content(file_id, vector_store_id=store)

    assert [part.text async for part in content] == [TEXT]


async def test_a_file_without_text_yet_is_a_conflict(service: Service, openai: AsyncOpenAI) -> None:
    store = await service.corpus()
    file_id = await attach(openai, store)

    with pytest.raises(ConflictError):
        await openai.vector_stores.files.content(file_id, vector_store_id=store)


async def test_a_revisions_text_has_pages_blocks_and_its_hash(
    service: Service, openai: AsyncOpenAI, client: httpx.AsyncClient
) -> None:
    store = await service.corpus()
    document_id = await document_of(client, store, await attach(openai, store))
    await prepare(service, document_id)

    text = (await client.get(f"/v1/documents/{document_id}/revisions/1/text")).json()

    assert (text["text"], text["title"], text["page_count"]) == (TEXT, "Parking", 2)
    assert text["text_sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert text["pages"] == [{"page": 1, "start": 0, "end": 7}, {"page": 2, "start": 9, "end": len(TEXT)}]
    assert text["blocks"][1]["bbox"] == [1, 2, 3, 4]


async def test_a_document_says_its_language_and_where_its_tables_stand(
    service: Service, openai: AsyncOpenAI, client: httpx.AsyncClient
) -> None:
    store = await service.corpus()
    file_id = await attach(openai, store)
    document_id = await document_of(client, store, file_id)
    rows = (TableRows(span=Span(9, len(TEXT)), row=2, table="Prices", columns=(2, 6)),)
    await prepare(service, document_id, table_rows=rows, language="en")

    text = (await client.get(f"/v1/documents/{document_id}/revisions/1/text")).json()

    assert [block["location"] for block in text["blocks"]] == [None, "Prices!B2:F2"]
    assert text["language"] == "en"
    assert (await client.get(f"/v1/vector_stores/{store}/files/{file_id}")).json()["language"] == "en"


async def test_a_result_in_a_table_names_its_cells(service: Service, client: httpx.AsyncClient) -> None:
    store, found = await service.corpus(), passage()
    rows = (TableRows(span=found.span, row=4, table="Prices", columns=(1, 6)),)
    service.parts.search.passages = (replace(found, table_rows=rows),)

    [result] = (await client.post(f"/v1/vector_stores/{store}/search", json={"query": "car park"})).json()["data"]

    assert result["location"] == "Prices!A4:F4"


async def test_search_results_parse_and_say_where_they_are(service: Service, openai: AsyncOpenAI) -> None:
    await service.corpus()
    found = passage(file_id="file_parking")
    service.parts.search.passages = (found,)

    results = [result async for result in openai.vector_stores.search("handbook", query="parking", max_num_results=5)]

    assert [(result.file_id, result.score, result.content[0].text) for result in results] == [
        ("file_parking", 0.9, found.text)
    ]
    assert results[0].model_extra
    assert (results[0].model_extra["char_start"], results[0].model_extra["page"]) == (10, 3)


async def test_several_queries_find_each_passage_once(service: Service, client: httpx.AsyncClient) -> None:
    store = await service.corpus()
    service.parts.search.passages = (passage(chunk_id="b", score=0.7), passage(chunk_id="a", score=0.9))

    reply = await client.post(f"/v1/vector_stores/{store}/search", json={"query": ["one", "two"]})

    assert [result["chunk_id"] for result in reply.json()["data"]] == ["a", "b"]
    assert reply.json()["search_query"] == ["one", "two"]


@pytest.mark.parametrize(("asked", "exact"), [({}, False), ({"exact": True}, True)])
async def test_a_search_is_exact_when_asked_to_be(
    service: Service, client: httpx.AsyncClient, asked: dict[str, bool], exact: bool
) -> None:
    store = await service.corpus()

    await client.post(f"/v1/vector_stores/{store}/search", json={"query": "parking"} | asked)

    assert service.parts.search.asked[0].exact is exact


async def test_openais_client_narrows_a_search_by_filters(service: Service, openai: AsyncOpenAI) -> None:
    await service.corpus()
    german = ComparisonFilter(type="eq", key="lang", value="de")
    wanted = CompoundFilter(type="or", filters=[german])

    await openai.vector_stores.search("handbook", query="parking", filters=wanted)

    assert service.parts.search.asked[0].filters == parse_filter(wanted)


async def test_a_filter_that_is_none_is_refused_with_its_place(service: Service, client: httpx.AsyncClient) -> None:
    store = await service.corpus()
    wrong = {"type": "and", "filters": [{"type": "like", "key": "a", "value": "b"}]}

    reply = await client.post(f"/v1/vector_stores/{store}/search", json={"query": "a", "filters": wrong})

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "filters.filters[0].type")


async def test_a_document_gives_as_many_results_as_asked_for_over_all_queries(
    service: Service, client: httpx.AsyncClient
) -> None:
    store = await service.corpus()
    service.parts.search.passages = tuple(
        replace(passage(chunk_id=chunk), document_id=DocumentId(document)) for chunk, document in ("ad", "bd", "ce")
    )

    reply = await client.post(
        f"/v1/vector_stores/{store}/search", json={"query": ["one", "two"], "per_document": 1, "distinct": False}
    )

    assert [result["chunk_id"] for result in reply.json()["data"]] == ["a", "c"]
    assert service.parts.search.asked[0].per_document == 1


@pytest.mark.parametrize("limit", [0, 51, "5", 1.5])
async def test_a_limit_outside_1_to_50_is_refused(client: httpx.AsyncClient, limit: object) -> None:
    reply = await client.post("/v1/vector_stores/x/search", json={"query": "a", "max_num_results": limit})

    assert reply.json()["error"]["param"] == "max_num_results"


async def test_a_batch_counts_its_files(service: Service, openai: AsyncOpenAI) -> None:
    store = await service.corpus()
    files = [(await openai.files.create(file=(f"{n}.md", b"x"), purpose="assistants")).id for n in range(3)]

    made = await openai.vector_stores.file_batches.create(store, file_ids=files)
    read = await openai.vector_stores.file_batches.retrieve(made.id, vector_store_id=store)
    listed = openai.vector_stores.file_batches.list_files(made.id, vector_store_id=store, limit=2, order="asc")

    assert read == made
    assert (read.status, read.file_counts.in_progress, read.file_counts.total) == ("in_progress", 3, 3)
    assert [file.id async for file in listed] == files


async def test_a_file_taken_out_counts_as_cancelled_in_its_batch(service: Service, openai: AsyncOpenAI) -> None:
    store = await service.corpus()
    file = await openai.files.create(file=("a.md", b"x"), purpose="assistants")
    made = await openai.vector_stores.file_batches.create(store, file_ids=[file.id])

    await openai.vector_stores.files.delete(file.id, vector_store_id=store)

    read = await openai.vector_stores.file_batches.retrieve(made.id, vector_store_id=store)
    assert (read.status, read.file_counts.cancelled) == ("completed", 1)


async def test_a_batch_tells_another_tenant_nothing(service: Service, openai: AsyncOpenAI) -> None:
    store = await service.corpus()
    file = await openai.files.create(file=("a.md", b"x"), purpose="assistants")
    made = await openai.vector_stores.file_batches.create(store, file_ids=[file.id])
    secret, _ = await service.other_tenant()

    async with service.client(secret) as stranger:
        reply = await stranger.get(f"/v1/vector_stores/{store}/file_batches/{made.id}")

    assert reply.status_code == 404
