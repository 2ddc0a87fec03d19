"""What was erased, on whose request, and what keeps it from coming back. Ids, numbers and keyed hashes only."""

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from rag_service.catalog.columns import JsonText, StringSet, UtcDateTime
from rag_service.catalog.tables.metadata import metadata

# `plan` says what is still to be removed outside the catalog; it is emptied when that is done.
erasures = Table(
    "erasures",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", JsonText, nullable=False),
    Column("state", String, nullable=False),
    Column("requested_by", String),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("plan", JsonText, nullable=False),
    Column("counts", JsonText, nullable=False),
    Column("probes", JsonText, nullable=False),
    Column("receipt", Text),
    Column("signature", String),
    Column("signing_key", String),
    Index(None, "tenant_id", "created_at", "id"),
)

# No foreign keys to what is erased: a tombstone stands where it was.
tombstones = Table(
    "tombstones",
    metadata,
    Column("kind", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("corpus_id", String),
    Column("erasure_id", ForeignKey("erasures.id"), nullable=False),
    # Who could see it, as keyed hashes: they are told that it is gone, others that there is no such thing.
    Column("principals", StringSet, nullable=False),
    Column("erased_at", UtcDateTime, nullable=False),
    Index(None, "erasure_id"),
)
