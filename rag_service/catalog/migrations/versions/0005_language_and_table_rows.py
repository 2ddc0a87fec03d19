"""Languages of revisions, and the rows of tables in chunks."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("revisions", sa.Column("language", sa.String(), nullable=True))
    op.add_column("chunks", sa.Column("table_rows", sa.Text(), nullable=True))
