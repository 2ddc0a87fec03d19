"""Files, corpora, documents, their revisions, texts and chunks."""

import sqlalchemy as sa
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from rag_service.catalog.columns import JsonText, UtcDateTime
from rag_service.catalog.tables.metadata import metadata

files = Table(
    "files",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("filename", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "tenant_id", "created_at", "id"),
    Index(None, "tenant_id", "sha256"),
)

corpora = Table(
    "corpora",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("description", Text, nullable=False),
    Column("published", BigInteger, nullable=False),
    Column("highest", BigInteger, nullable=False),
    Column("fingerprint", String, nullable=False),  # the build of the published version
    Column("created_at", UtcDateTime, nullable=False),
    Column("keep_versions", Integer, nullable=False, server_default="50"),
    Column("keep_days", Integer, nullable=False, server_default="30"),
    # Counts what was erased: with it in their keys, caches forget versions that an erasure has changed.
    Column("erasures", BigInteger, nullable=False, server_default="0"),
    # Raised when the points have followed a change of rights, or were mended: what was found before may not be all.
    Column("rights_epoch", BigInteger, nullable=False, server_default="0"),
    Column("dense_weight", Float),  # of its own; null: the usual one
    UniqueConstraint("tenant_id", "name"),
    Index(None, "tenant_id", "created_at", "id"),
)

# latest_revision and latest_at repeat what revisions say, so that a long list of files is a walk along one index;
# revisions that only a held draft knows do not count.
# withdrawn_revision is the newest revision there was when the document was last deleted.
documents = Table(
    "documents",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("corpus_id", ForeignKey("corpora.id"), nullable=False),
    Column("key", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("latest_revision", BigInteger, nullable=False, server_default="0"),
    Column("latest_at", UtcDateTime),
    Column("withdrawn_revision", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("corpus_id", "key"),
    Index(None, "corpus_id", "latest_at", "id"),
)

document_principals = Table(
    "document_principals",
    metadata,
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("principal", String, primary_key=True),
)

revisions = Table(
    "revisions",
    metadata,
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("file_id", ForeignKey("files.id"), nullable=False, index=True),
    Column("filename", String, nullable=False),
    Column("media_type", String, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("raw_sha256", String, nullable=False),
    Column("parser_fingerprint", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("prepared_at", UtcDateTime),
    Column("attributes", JsonText, nullable=False),
    Column("title", Text),
    Column("text_sha256", String),
    Column("page_count", Integer),
    Column("chunk_count", Integer, nullable=False),
    Column("language", String),
    Column("reason", String),
    Column("reason_detail", Text),
    # Whether it was ever part of what people ask: said here, because versions are not kept for ever.
    Column("was_published", Boolean, nullable=False, server_default=sa.false()),
)

# Compressed, and in the catalog: passages and erasure need text and rows in one transaction.
revision_texts = Table(
    "revision_texts",
    metadata,
    Column("document_id", String, primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("text", LargeBinary, nullable=False),
    Column("blocks", LargeBinary, nullable=False),
    Column("title", Text),
    Column("page_count", Integer),
    Column("warnings", JsonText, nullable=False),
    ForeignKeyConstraint(
        ["document_id", "revision"], ["revisions.document_id", "revisions.number"], ondelete="CASCADE"
    ),
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", String, primary_key=True),
    Column("document_id", String, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("char_start", Integer, nullable=False),
    Column("char_end", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("headings", JsonText, nullable=False),
    Column("page_starts", JsonText, nullable=False),
    Column("token_count", Integer, nullable=False),
    Column("embedded_sha256", String, nullable=False),
    Column("table_rows", JsonText),
    Index(None, "embedded_sha256"),
    UniqueConstraint("document_id", "revision", "fingerprint", "ordinal"),
    ForeignKeyConstraint(
        ["document_id", "revision"], ["revisions.document_id", "revisions.number"], ondelete="CASCADE"
    ),
)
