"""Tenants, keys and logins. Of secrets only SHA-256 hashes are kept."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table

from rag_service.catalog.columns import StringSet, UtcDateTime
from rag_service.catalog.tables.metadata import metadata

tenants = Table(
    "tenants",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    # The number last given to a job of the tenant: jobs are worked off in this order, whatever the clock says.
    Column("job_sequence", BigInteger, nullable=False, server_default="0"),
    # When a worker last took a job of the tenant, counted in jobs: who waited longest comes first.
    Column("served", BigInteger, nullable=False, server_default="0"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("hint", String, nullable=False),
    Column("secret_sha256", String, nullable=False, unique=True),
    Column("permissions", StringSet, nullable=False),
    Column("principals", StringSet, nullable=False),
    Column("corpora", StringSet),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Index(None, "tenant_id", "created_at"),
)

login_links = Table(
    "login_links",
    metadata,
    Column("secret_sha256", String, primary_key=True),
    Column("key_id", ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Index(None, "key_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("secret_sha256", String, primary_key=True),
    Column("key_id", ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
    Column("csrf_token", String, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Index(None, "key_id"),
)
