"""Jobs that are parts of another one, and how many bytes each has to read."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WAITING_FILES = sa.text("state IN ('queued', 'waiting', 'failed', 'running') AND size_bytes > 0")
_PARTS = sa.text("whole_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("whole_id", sa.String(), nullable=True))
    op.add_column("jobs", sa.Column("size_bytes", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index(
        "ix_jobs_waiting_bytes",
        "jobs",
        ["tenant_id", "size_bytes"],
        sqlite_where=_WAITING_FILES,
        postgresql_where=_WAITING_FILES,
    )
    op.create_index("ix_jobs_whole_id", "jobs", ["whole_id"], sqlite_where=_PARTS, postgresql_where=_PARTS)
