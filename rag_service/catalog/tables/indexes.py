"""What is known of the index of each corpus. Figures and settings only."""

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table

from rag_service.catalog.columns import JsonText, UtcDateTime
from rag_service.catalog.tables.metadata import metadata

index_checks = Table(
    "index_checks",
    metadata,
    Column("corpus_id", ForeignKey("corpora.id"), primary_key=True),
    Column("begun_at", UtcDateTime, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("engine", String, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("found", JsonText),
)

# One row for each build: what comparing all of its points with the catalog came to the last time.
index_comparisons = Table(
    "index_comparisons",
    metadata,
    Column("corpus_id", ForeignKey("corpora.id"), primary_key=True),
    Column("fingerprint", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("compared_at", UtcDateTime, nullable=False),
    Column("differing", BigInteger, nullable=False),
    Column("mended", BigInteger, nullable=False),
)
