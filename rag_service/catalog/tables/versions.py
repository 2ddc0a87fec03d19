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
    Text,
)

from rag_service.catalog.columns import JsonText, UtcDateTime
from rag_service.catalog.tables.metadata import metadata

# Constants in the SQL, not parameters: SQLite uses a partial index only when it can prove that it applies.
OPEN_AUTOMATIC = sa.text("state = 'open' AND automatic")
SEALED = sa.text("state IN ('sealing', 'sealed', 'unsealing')")
LIVE = sa.text("state NOT IN ('published', 'discarded')")

# The unique indexes hold three rules of a corpus against races: one open automatic draft, one sealed draft (from the
# taking of its number until it is published or open again), and no two live drafts of one name.
drafts = Table(
    "drafts",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("corpus_id", ForeignKey("corpora.id"), nullable=False),
    Column("automatic", Boolean, nullable=False),
    Column("name", String),
    Column("notes", Text, nullable=False, server_default=""),
    Column("state", String, nullable=False),
    Column("purpose", String),
    Column("number", BigInteger),
    Column("base", BigInteger, nullable=False, server_default="0"),
    Column("sealed_against", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
    # The build to seal under, when that is not the corpus's; and the one taken together with the number.
    Column("wanted_fingerprint", String),
    Column("fingerprint", String),
    Column("asked_by", String),  # the key that asked for the seal
    Index(
        "uq_drafts_open_automatic",
        "corpus_id",
        unique=True,
        sqlite_where=OPEN_AUTOMATIC,
        postgresql_where=OPEN_AUTOMATIC,
    ),
    Index("uq_drafts_sealed", "corpus_id", unique=True, sqlite_where=SEALED, postgresql_where=SEALED),
    Index("uq_drafts_name", "corpus_id", "name", unique=True, sqlite_where=LIVE, postgresql_where=LIVE),
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
    Column("notes", Text, nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime),
    Column("fingerprint", String, nullable=False, server_default=""),
)

# The points of a corpus under one fingerprint: what is visible at some number from `since` up to `synced`.
# The recipe is what the parts can be opened from again: settings, without secrets.
builds = Table(
    "builds",
    metadata,
    Column("corpus_id", ForeignKey("corpora.id"), primary_key=True),
    Column("fingerprint", String, primary_key=True),
    Column("recipe", JsonText, nullable=False),
    Column("state", String, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("synced", BigInteger, nullable=False),
    Column("filled_to", String),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("total", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
)

# Without a cascade: a labelled version cannot be removed by mistake.
version_labels = Table(
    "version_labels",
    metadata,
    Column("corpus_id", String, primary_key=True),
    Column("label", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "corpus_id", "number"),
    ForeignKeyConstraint(["corpus_id", "number"], ["versions.corpus_id", "versions.number"]),
)

# The log of what was published when: a rollback is a row like any other.
publications = Table(
    "publications",
    metadata,
    Column("corpus_id", ForeignKey("corpora.id"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("previous", BigInteger, nullable=False),
    Column("key_id", String),
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
    Index(None, "corpus_id", "born"),
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
