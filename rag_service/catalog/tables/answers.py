"""Answers and feedback. What people wrote is inside `body`, so that a key or a row in a log shows none of it."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

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
    Index(None, "tenant_id", "created_at"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("answer_id", ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("caller", String, primary_key=True),
    Column("rating", Integer, nullable=False),
    Column("comment", JsonText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
