"""How often the rights of a corpus have reached its points."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("corpora", sa.Column("rights_epoch", sa.BigInteger(), nullable=False, server_default="0"))
