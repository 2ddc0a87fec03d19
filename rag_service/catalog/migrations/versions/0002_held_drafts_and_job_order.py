"""Held drafts, labels, the log of publications; jobs in order of priority, tenant and number.

Tables are only added to: SQLite would have to write a changed table anew, and its children would be deleted with it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SEALED = sa.text("state IN ('sealing', 'sealed', 'unsealing')")
_LIVE = sa.text("state NOT IN ('published', 'discarded')")
_OPEN_JOBS = sa.text("state IN ('queued', 'waiting', 'failed', 'running')")


def upgrade() -> None:
    _add_to_drafts()
    _add_to_versions()
    _create_labels()
    _create_publications()
    _add_to_jobs()
    _create_workers()


def _add_to_drafts() -> None:
    op.add_column("drafts", sa.Column("name", sa.String(), nullable=True))
    op.add_column("drafts", sa.Column("notes", sa.Text(), nullable=False, server_default=""))
    op.add_column("drafts", sa.Column("purpose", sa.String(), nullable=True))
    op.add_column("drafts", sa.Column("base", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("drafts", sa.Column("sealed_against", sa.BigInteger(), nullable=True))
    published = "(SELECT published FROM corpora WHERE corpora.id = drafts.corpus_id)"
    op.execute(f"UPDATE drafts SET base = {published} WHERE state <> 'published'")
    op.execute(f"UPDATE drafts SET sealed_against = {published}, purpose = 'publish' WHERE state = 'sealing'")
    op.drop_index("uq_drafts_sealing", table_name="drafts")
    op.create_index(
        "uq_drafts_sealed", "drafts", ["corpus_id"], unique=True, sqlite_where=_SEALED, postgresql_where=_SEALED
    )
    op.create_index(
        "uq_drafts_name", "drafts", ["corpus_id", "name"], unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE
    )


def _add_to_versions() -> None:
    op.add_column("versions", sa.Column("notes", sa.Text(), nullable=False, server_default=""))
    op.add_column("versions", sa.Column("published_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE versions SET published_at = created_at")


def _create_labels() -> None:
    op.create_table(
        "version_labels",
        sa.Column("corpus_id", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["corpus_id", "number"],
            ["versions.corpus_id", "versions.number"],
            name=op.f("fk_version_labels_corpus_id_number"),
        ),
        sa.PrimaryKeyConstraint("corpus_id", "label", name=op.f("pk_version_labels")),
    )
    op.create_index(op.f("ix_version_labels_corpus_id_number"), "version_labels", ["corpus_id", "number"])


def _create_publications() -> None:
    op.create_table(
        "publications",
        sa.Column("corpus_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["corpus_id"], ["corpora.id"], name=op.f("fk_publications_corpus_id")),
        sa.PrimaryKeyConstraint("corpus_id", "sequence", name=op.f("pk_publications")),
    )
    # Until now every version was published when it was sealed.
    op.execute(
        "INSERT INTO publications (corpus_id, sequence, number, previous, created_at) "
        "SELECT corpus_id, row_number() OVER by_number, number, coalesce(lag(number) OVER by_number, 0), created_at "
        "FROM versions WINDOW by_number AS (PARTITION BY corpus_id ORDER BY number)"
    )


def _add_to_jobs() -> None:
    for table, name in (("tenants", "job_sequence"), ("tenants", "served"), ("jobs", "sequence"), ("jobs", "heartbeat"), ("jobs", "changes")):
        op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("priority", sa.Integer(), nullable=False, server_default="10"))
    for name in ("started_at", "stage_started_at", "finished_at"):
        op.add_column("jobs", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("draft_id", sa.String(), nullable=True))
    # In words: Alembic would add the constraint in a statement of its own, which SQLite does not know.
    op.execute("ALTER TABLE jobs ADD COLUMN corpus_id VARCHAR CONSTRAINT fk_jobs_corpus_id REFERENCES corpora (id)")
    _fill_jobs()
    op.drop_index("ix_jobs_open", table_name="jobs")
    op.create_index(
        "ix_jobs_open",
        "jobs",
        ["kind", "priority", "tenant_id", "sequence"],
        sqlite_where=_OPEN_JOBS,
        postgresql_where=_OPEN_JOBS,
    )
    op.create_index(
        "uq_jobs_open", "jobs", ["kind", "subject"], unique=True, sqlite_where=_OPEN_JOBS, postgresql_where=_OPEN_JOBS
    )
    op.drop_index("ix_jobs_tenant_id_subject_created_at", table_name="jobs")
    op.create_index(op.f("ix_jobs_tenant_id_subject_sequence"), "jobs", ["tenant_id", "subject", "sequence"])
    op.create_index(op.f("ix_jobs_tenant_id_sequence"), "jobs", ["tenant_id", "sequence"])


def _fill_jobs() -> None:
    op.execute(
        "UPDATE jobs SET sequence = numbered.place FROM (SELECT id, row_number() OVER "
        "(PARTITION BY tenant_id ORDER BY created_at, id) AS place FROM jobs) AS numbered WHERE numbered.id = jobs.id"
    )
    op.execute(
        "UPDATE tenants SET job_sequence = coalesce((SELECT max(sequence) FROM jobs WHERE tenant_id = tenants.id), 0)"
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    document_id = "substr(subject, 1, instr(subject, '/') - 1)" if is_sqlite else "split_part(subject, '/', 1)"
    op.execute(
        f"UPDATE jobs SET corpus_id = (SELECT corpus_id FROM documents WHERE id = {document_id}) "
        "WHERE kind = 'prepare_revision'"
    )
    op.execute(
        "UPDATE jobs SET corpus_id = (SELECT corpus_id FROM drafts WHERE id = subject) WHERE kind = 'seal_draft'"
    )
    # Two workers could ask for the same seal: the first request stays.
    op.execute(
        f"UPDATE jobs SET state = 'cancelled' WHERE {_OPEN_JOBS} AND EXISTS (SELECT 1 FROM jobs AS first WHERE "
        "first.kind = jobs.kind AND first.subject = jobs.subject AND first.sequence < jobs.sequence "
        "AND first.state IN ('queued', 'waiting', 'failed', 'running'))"
    )


def _create_workers() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
