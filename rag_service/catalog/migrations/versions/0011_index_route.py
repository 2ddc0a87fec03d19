"""Which engine answers searches, and which one follows it."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "index_route",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("serving", sa.String(), nullable=False),
        sa.Column("following", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("copied_build", sa.String(), nullable=True),
        sa.Column("copied_to", sa.String(), nullable=True),
        sa.Column("copied", sa.BigInteger(), nullable=False),
        sa.Column("compared", sa.BigInteger(), nullable=False),
        sa.Column("overlap", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_index_route")),
    )
