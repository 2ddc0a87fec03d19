"""What checks of indexes found, and what comparing them with the catalog came to."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_index_checks()
    _create_index_comparisons()


def _create_index_checks() -> None:
    op.create_table(
        "index_checks",
        sa.Column("corpus_id", sa.String(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("engine", sa.String(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("found", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["corpus_id"], ["corpora.id"], name=op.f("fk_index_checks_corpus_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_index_checks_tenant_id")),
        sa.PrimaryKeyConstraint("corpus_id", "begun_at", name=op.f("pk_index_checks")),
    )


def _create_index_comparisons() -> None:
    op.create_table(
        "index_comparisons",
        sa.Column("corpus_id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("differing", sa.BigInteger(), nullable=False),
        sa.Column("mended", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["corpus_id"], ["corpora.id"], name=op.f("fk_index_comparisons_corpus_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_index_comparisons_tenant_id")),
        sa.PrimaryKeyConstraint("corpus_id", "fingerprint", name=op.f("pk_index_comparisons")),
    )
