"""Scores of answers that people got. They hold no words; the vector of a question tells what it was about."""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, LargeBinary, String, Table

from rag_service.catalog.columns import JsonText, UtcDateTime
from rag_service.catalog.tables.metadata import metadata

live_scores = Table(
    "live_scores",
    metadata,
    Column("answer_id", ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("corpus_id", ForeignKey("corpora.id"), nullable=False),
    Column("status", String, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("draw", Float, nullable=False),
    Column("rate", Float, nullable=False),
    Column("scores", JsonText, nullable=False),  # values, missing
    Column("question", LargeBinary, nullable=False),
    Column("embedder", String, nullable=False),
    Column("judge", String),
    Column("scored_at", UtcDateTime, nullable=False),
    Index(None, "corpus_id", "asked_at"),
)

# One row for each measure of each window. Means and counts only: of no answer alone.
live_drifts = Table(
    "live_drifts",
    metadata,
    Column("corpus_id", ForeignKey("corpora.id"), primary_key=True),
    Column("window_end", UtcDateTime, primary_key=True),
    Column("measure", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("window_start", UtcDateTime, nullable=False),
    Column("reference", Float),
    Column("current", Float),
    Column("reference_count", BigInteger, nullable=False),
    Column("current_count", BigInteger, nullable=False),
    Column("psi", Float),
    Column("p_value", Float),
    Column("has_drifted", Boolean, nullable=False),
)
