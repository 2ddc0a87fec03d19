"""Answers and feedback. What people wrote is inside `body`, so that a key or a row in a log shows none of it."""

from sqlalchemy import BigInteger, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Table, Text

from rag_service.catalog.columns import JsonText, UtcDateTime
from rag_service.catalog.tables.metadata import metadata

answers = Table(
    "answers",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("key_id", String),  # no foreign key: an answer outlives the key it was given to
    Column("corpus_id", ForeignKey("corpora.id"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("status", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("body", Text, nullable=False),
    Column("end_user", String),  # a keyed hash of the person for whom an application asked
    Column("text_sha256", String),
    Index(None, "tenant_id", "created_at"),
    Index(None, "tenant_id", "end_user"),
)

# The revisions that an answer showed. Without a cascade from there: what a kept answer shows is not dropped, and over
# what is erased none can be stored.
answer_sources = Table(
    "answer_sources",
    metadata,
    Column("answer_id", ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("document_id", String, primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Index(None, "document_id", "revision"),
    ForeignKeyConstraint(["document_id", "revision"], ["revisions.document_id", "revisions.number"]),
)

# The earlier answers that a conversation brought along, by hash: erasing one finds its copies.
answer_turns = Table(
    "answer_turns",
    metadata,
    Column("answer_id", ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("sha256", String, primary_key=True),
    Index(None, "sha256"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("answer_id", ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("caller", String, primary_key=True),
    Column("rating", Integer, nullable=False),
    Column("comment", JsonText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("end_user", String),
)
