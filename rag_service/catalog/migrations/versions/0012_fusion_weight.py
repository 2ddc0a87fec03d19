"""How much the dense side counts in a corpus that has learned it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("corpora", sa.Column("dense_weight", sa.Float(), nullable=True))
