"""Drafts, sealed versions, and who is a member from when until when."""

import sqlalchemy as sa
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
)

from rag_service.catalog.columns import UtcDateTime
from rag_service.catalog.tables.metadata import metadata

# Constants in the SQL, not parameters: SQLite uses a partial index only when it can prove that it applies.
OPEN_AUTOMATIC = sa.text("state = 'open' AND automatic")
_SEALING = sa.text("state = 'sealing'")

# The two unique indexes hold the rules "one open automatic draft" and "one sealing draft" per corpus against races.
drafts = Table(
    "drafts",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("corpus_id", ForeignKey("corpora.id"), nullable=False),
    Column("automatic", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("number", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
    Index(
        "uq_drafts_open_automatic",
        "corpus_id",
        unique=True,
        sqlite_where=OPEN_AUTOMATIC,
        postgresql_where=OPEN_AUTOMATIC,
    ),
    Index("uq_drafts_sealing", "corpus_id", unique=True, sqlite_where=_SEALING, postgresql_where=_SEALING),
)

draft_changes = Table(
    "draft_changes",
    metadata,
    Column("draft_id", ForeignKey("drafts.id", ondelete="CASCADE"), primary_key=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", BigInteger),
    Column("changed_at", UtcDateTime, nullable=False),
    Index(None, "document_id"),
    ForeignKeyConstraint(
        ["document_id", "revision"], ["revisions.document_id", "revisions.number"], ondelete="CASCADE"
    ),
)

versions = Table(
    "versions",
    metadata,
    Column("corpus_id", ForeignKey("corpora.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("draft_id", ForeignKey("drafts.id"), nullable=False, unique=True),
    Column("document_count", Integer, nullable=False),
    Column("chunk_count", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

memberships = Table(
    "memberships",
    metadata,
    Column("document_id", String, primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("born", BigInteger, primary_key=True, autoincrement=False),
    Column("died", BigInteger, nullable=False),
    Column("corpus_id", ForeignKey("corpora.id"), nullable=False),
    Index(None, "corpus_id", "died", "born"),
    ForeignKeyConstraint(["document_id", "revision"], ["revisions.document_id", "revisions.number"]),
)

# Two arrays of uint32, little-endian and compressed; the terms as differences, which compress better.
document_frequencies = Table(
    "document_frequencies",
    metadata,
    Column("corpus_id", String, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("fingerprint", String, primary_key=True),
    Column("chunk_count", Integer, nullable=False),
    Column("terms", LargeBinary, nullable=False),
    Column("counts", LargeBinary, nullable=False),
    ForeignKeyConstraint(["corpus_id", "number"], ["versions.corpus_id", "versions.number"], ondelete="CASCADE"),
)
