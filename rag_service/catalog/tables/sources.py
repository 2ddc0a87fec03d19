"""Where documents come from besides uploads, what was there, and what each run did."""

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, Text

from rag_service.catalog.columns import JsonText, StringSet, UtcDateTime
from rag_service.catalog.tables.metadata import metadata

# A constant in the SQL, not a parameter: SQLite uses a partial index only when it can prove that it applies.
OPEN_SOURCE_RUNS = sa.text("state IN ('queued', 'running', 'preparing', 'publishing')")

sources = Table(
    "sources",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("corpus_id", ForeignKey("corpora.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("settings", JsonText, nullable=False),
    Column("credentials", LargeBinary),  # encrypted, with the id as what they are bound to
    Column("credential_names", StringSet, nullable=False),
    Column("every_s", BigInteger),
    Column("publish", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("last_run_at", UtcDateTime),
    Index(None, "corpus_id", "name", unique=True),
)

# No foreign key to documents: what was taken out of the corpus, and forgotten, is still known from its source.
source_items = Table(
    "source_items",
    metadata,
    Column("source_id", ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("revision", String, nullable=False),
    Column("content_id", String),
    Column("size_bytes", BigInteger),
    Column("document_id", String),
    Column("number", BigInteger),
    Index(None, "document_id"),
)

source_runs = Table(
    "source_runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("source_id", ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("force", Boolean, nullable=False),
    Column("asked_by", String),
    Column("state", String, nullable=False),
    Column("counts", JsonText, nullable=False),
    Column("draft_id", String),
    Column("error", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Index(None, "source_id", "created_at", "id"),
    Index(None, "draft_id"),
    Index(
        "uq_source_runs_open",
        "source_id",
        unique=True,
        sqlite_where=OPEN_SOURCE_RUNS,
        postgresql_where=OPEN_SOURCE_RUNS,
    ),
)

# The plan of a run, line by line, and how far each is.
source_changes = Table(
    "source_changes",
    metadata,
    Column("run_id", ForeignKey("source_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("filename", String, nullable=False),
    Column("revision", String, nullable=False),
    Column("content_id", String),
    Column("size_bytes", BigInteger),
    Column("renamed_from", String),
    Column("document_id", String),
    Column("number", BigInteger),
    Column("problem", Text),
    Index(None, "document_id"),
)

# Keyed hashes of the keys of erased documents: their sources still hold them, and are not to bring them again.
barred_keys = Table(
    "barred_keys",
    metadata,
    Column("corpus_id", ForeignKey("corpora.id"), primary_key=True),
    Column("key_hash", String, primary_key=True),
    Column("erasure_id", String, nullable=False),
)
