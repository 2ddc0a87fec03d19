"""A database that the first release filled, brought to this release's schema."""

import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from rag_service.catalog.alembic_scripts import alembic_config
from rag_service.catalog.database import Database, connect
from rag_service.catalog.migrating import migrate
from rag_service.catalog.sql_catalog import open_catalog
from rag_service.catalog.tables import metadata
from rag_service.domain.ids import DocumentId
from rag_service.domain.spans import sha256_of
from tests.contract.catalog_values import FINGERPRINT, PARSED, SYSTEM, at

# As the first release wrote them: no rows of tables, no language.
_BLOCKS = zlib.compress(b'[[0,4,"heading",1,1,[1.0,2.0,3.5,4.0]],[6,19,"paragraph",null,2,null]]')
_REVISION = {
    "file_id": "file_a", "filename": "a.md", "media_type": "text/markdown", "size_bytes": 1, "raw_sha256": "0", "attributes": {},
    "parser_fingerprint": "parsers-1", "state": "prepared", "created_at": at(0), "chunk_count": 1,
}  # fmt: skip
_TEXT = {"text": zlib.compress(PARSED.text.encode()), "blocks": _BLOCKS, "warnings": list(PARSED.warnings)}
_CHUNK = {
    "id": "chunk_a", "fingerprint": FINGERPRINT, "ordinal": 0, "char_start": 0, "char_end": 4, "text": "Head", "headings": [],
    "page_starts": [[0, 1]], "token_count": 1, "embedded_sha256": "0",
}  # fmt: skip
_CORPUS = {"tenant_id": "ours", "description": "", "fingerprint": FINGERPRINT, "created_at": at(0)}
_DOCUMENT = {"tenant_id": "ours", "corpus_id": "vs_1", "created_at": at(0), "latest_revision": 1, "latest_at": at(0)}
_DRAFT = {"tenant_id": "ours", "corpus_id": "vs_1", "automatic": True, "created_at": at(0)}
_VERSION = {"corpus_id": "vs_1", "document_count": 1, "chunk_count": 1}
_JOB = {"tenant_id": "ours", "attempts": 0, "fence": 0, "done": 0, "not_before": at(0)}
_SEAL = _JOB | {"kind": "seal_draft", "subject": "draft_3"}

# Two drafts are published, the third is half sealed, and two workers have asked for that at the same time.
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("tenants", {"id": "ours", "name": "Ours"}),
    ("corpora", _CORPUS | {"id": "vs_1", "name": "handbook", "published": 2, "highest": 3}),
    ("documents", _DOCUMENT | {"id": "doc_a", "key": "a.md"}),
    ("files", {"id": "file_a", "tenant_id": "ours", "filename": "a.md", "purpose": "assistants", "size_bytes": 1, "sha256": "0", "created_at": at(0)}),
    ("revisions", _REVISION | {"document_id": "doc_a", "number": 1, "text_sha256": sha256_of(PARSED.text)}),
    ("revision_texts", _TEXT | {"document_id": "doc_a", "revision": 1, "title": "Head", "page_count": 2}),
    ("chunks", _CHUNK | {"document_id": "doc_a", "revision": 1}),
    ("drafts", _DRAFT | {"id": "draft_1", "state": "published", "number": 1}),
    ("drafts", _DRAFT | {"id": "draft_2", "state": "published", "number": 2}),
    ("drafts", _DRAFT | {"id": "draft_3", "state": "sealing", "number": 3}),
    ("drafts", _DRAFT | {"id": "draft_4", "state": "open"}),
    ("versions", _VERSION | {"number": 1, "draft_id": "draft_1", "created_at": at(1)}),
    ("versions", _VERSION | {"number": 2, "draft_id": "draft_2", "created_at": at(2)}),
    ("jobs", _JOB | {"id": "job_a", "kind": "prepare_revision", "subject": "doc_a/1", "state": "failed", "created_at": at(1)}),
    ("jobs", _SEAL | {"id": "job_old", "state": "succeeded", "created_at": at(2)}),
    ("jobs", _SEAL | {"id": "job_first", "state": "running", "created_at": at(3)}),
    ("jobs", _SEAL | {"id": "job_again", "state": "queued", "created_at": at(4)}),
]  # fmt: skip


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/catalog.db"
        return
    databases = request.getfixturevalue("postgres_server")
    databases.execute("CREATE DATABASE upgraded")
    yield databases.url("upgraded")
    databases.execute("DROP DATABASE upgraded")


@pytest.fixture
async def upgraded(empty_url: str) -> AsyncIterator[Database]:
    database = connect(empty_url, pool_size=1)
    try:
        async with database.writing() as connection:
            await connection.run_sync(_create_first_schema)
            for table, row in ROWS:
                await connection.execute(metadata.tables[table].insert().values(row))
        await migrate(empty_url)
        yield database
    finally:
        await database.close()


def _create_first_schema(connection: sa.Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")


async def read(database: Database, table: str, *names: str) -> list[tuple[Any, ...]]:
    columns = [metadata.tables[table].c[name] for name in names]
    async with database.reading() as connection:
        rows = await connection.execute(sa.select(*columns).order_by(columns[0]))
    return [tuple(row) for row in rows]


async def test_drafts_on_their_way_know_what_was_published(upgraded: Database) -> None:
    assert await read(upgraded, "drafts", "id", "base", "sealed_against", "purpose", "name", "notes") == [
        ("draft_1", 0, None, None, None, ""),
        ("draft_2", 0, None, None, None, ""),
        ("draft_3", 2, 2, "publish", None, ""),
        ("draft_4", 2, None, None, None, ""),
    ]


async def test_every_version_was_published_when_it_was_sealed(upgraded: Database) -> None:
    columns = ("sequence", "number", "previous", "key_id", "created_at")

    assert await read(upgraded, "versions", "number", "published_at", "notes") == [(1, at(1), ""), (2, at(2), "")]
    assert await read(upgraded, "publications", *columns) == [(1, 1, 0, None, at(1)), (2, 2, 1, None, at(2))]


async def test_jobs_are_numbered_by_time_and_know_their_corpus(upgraded: Database) -> None:
    assert await read(upgraded, "jobs", "sequence", "id", "corpus_id", "priority") == [
        (1, "job_a", "vs_1", 10),
        (2, "job_old", "vs_1", 10),
        (3, "job_first", "vs_1", 10),
        (4, "job_again", "vs_1", 10),
    ]
    assert await read(upgraded, "tenants", "id", "job_sequence", "served") == [("ours", 4, 0)]


async def test_of_two_open_jobs_for_the_same_the_first_stays(upgraded: Database) -> None:
    assert await read(upgraded, "jobs", "id", "state") == [
        ("job_a", "failed"),
        ("job_again", "cancelled"),
        ("job_first", "running"),
        ("job_old", "succeeded"),
    ]


async def test_nothing_is_lost_with_the_tables_that_are_changed(upgraded: Database) -> None:
    assert await read(upgraded, "documents", "id", "latest_at") == [("doc_a", at(0))]
    assert await read(upgraded, "versions", "number", "draft_id") == [(1, "draft_1"), (2, "draft_2")]


async def test_texts_and_chunks_of_before_are_read_without_language_and_rows(
    upgraded: Database, empty_url: str
) -> None:
    assert await read(upgraded, "revisions", "document_id", "language") == [("doc_a", None)]
    assert await read(upgraded, "chunks", "id", "table_rows") == [("chunk_a", None)]
    async with open_catalog(empty_url) as catalog, catalog.reading() as transaction:
        assert await transaction.documents.parsed(SYSTEM, DocumentId("doc_a"), 1) == PARSED
