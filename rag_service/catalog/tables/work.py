"""Jobs and who works on them, replies to repeated requests, and vectors kept for ever."""

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from rag_service.catalog.columns import StringSet, UtcDateTime
from rag_service.catalog.tables.metadata import metadata

# A constant in the SQL, not a parameter: SQLite uses a partial index only when it can prove that it applies.
OPEN_JOBS = sa.text("state IN ('queued', 'waiting', 'failed', 'running')")
WAITING_FILES = sa.text(f"{OPEN_JOBS.text} AND size_bytes > 0")

jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("corpus_id", ForeignKey("corpora.id")),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("state", String, nullable=False),
    Column("priority", Integer, nullable=False, server_default="10"),
    Column("sequence", BigInteger, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("stage", String),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger),
    Column("reason", String),
    Column("detail", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("heartbeat", BigInteger, nullable=False, server_default="0"),
    Column("started_at", UtcDateTime),
    Column("stage_started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("changes", BigInteger, nullable=False, server_default="0"),
    # The draft that a dead or cancelled upload was for: trying it again must not put it anywhere else.
    Column("draft_id", String),
    # The job of which this is a part. Parts are removed with the end of the whole.
    Column("whole_id", String),
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    Index(
        "ix_jobs_open", "kind", "priority", "tenant_id", "sequence", sqlite_where=OPEN_JOBS, postgresql_where=OPEN_JOBS
    ),
    Index("uq_jobs_open", "kind", "subject", unique=True, sqlite_where=OPEN_JOBS, postgresql_where=OPEN_JOBS),
    Index(None, "tenant_id", "subject", "sequence"),
    Index(None, "tenant_id", "sequence"),
    # What waits is added up at each upload, also when very much does.
    Index(
        "ix_jobs_waiting_bytes", "tenant_id", "size_bytes", sqlite_where=WAITING_FILES, postgresql_where=WAITING_FILES
    ),
    Index(
        "ix_jobs_whole_id",
        "whole_id",
        sqlite_where=sa.text("whole_id IS NOT NULL"),
        postgresql_where=sa.text("whole_id IS NOT NULL"),
    ),
)

workers = Table(
    "workers",
    metadata,
    Column("id", String, primary_key=True),
    Column("kinds", StringSet, nullable=False),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

idempotent_replies = Table(
    "idempotent_replies",
    metadata,
    Column("tenant_id", ForeignKey("tenants.id"), primary_key=True),
    Column("caller", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("request_hash", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("end_user", String),
)

kept_vectors = Table(
    "kept_vectors",
    metadata,
    Column("tenant_id", ForeignKey("tenants.id"), primary_key=True),
    Column("embedder", String, primary_key=True),
    Column("sha256", LargeBinary, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)
