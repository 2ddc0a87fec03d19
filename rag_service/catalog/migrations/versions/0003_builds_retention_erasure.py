"""Builds of a corpus, how long versions are kept, what answers showed, and erasures.

Tables are only added to: SQLite would have to write a changed table anew, and its children would be deleted with it.
"""

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ANSWERS_AT_ONCE = 500


def upgrade() -> None:
    _add_to_corpora()
    _add_to_versions()
    _add_to_revisions()
    _create_builds()
    _add_to_answers()
    _create_answer_sources()
    _create_answer_turns()
    _create_erasures()
    _create_tombstones()
    op.create_index(op.f("ix_chunks_embedded_sha256"), "chunks", ["embedded_sha256"])
    op.create_index(op.f("ix_files_tenant_id_sha256"), "files", ["tenant_id", "sha256"])
    op.create_index(op.f("ix_memberships_corpus_id_born"), "memberships", ["corpus_id", "born"])
    _fill_from_answers(op.get_bind())


def _add_to_corpora() -> None:
    op.add_column("corpora", sa.Column("keep_versions", sa.Integer(), nullable=False, server_default="50"))
    op.add_column("corpora", sa.Column("keep_days", sa.Integer(), nullable=False, server_default="30"))
    op.add_column("corpora", sa.Column("erasures", sa.BigInteger(), nullable=False, server_default="0"))


def _add_to_versions() -> None:
    fingerprint = "(SELECT fingerprint FROM corpora WHERE corpora.id = {}.corpus_id)"
    op.add_column("versions", sa.Column("fingerprint", sa.String(), nullable=False, server_default=""))
    op.execute("UPDATE versions SET fingerprint = " + fingerprint.format("versions"))
    op.add_column("drafts", sa.Column("wanted_fingerprint", sa.String(), nullable=True))
    op.add_column("drafts", sa.Column("fingerprint", sa.String(), nullable=True))
    op.add_column("drafts", sa.Column("asked_by", sa.String(), nullable=True))
    op.execute(f"UPDATE drafts SET fingerprint = {fingerprint.format('drafts')} WHERE number IS NOT NULL")


def _add_to_revisions() -> None:
    was_published: sa.Column[bool] = sa.Column("was_published", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("revisions", was_published)
    op.execute(
        "UPDATE revisions SET was_published = true WHERE EXISTS (SELECT 1 FROM memberships JOIN versions "
        "ON versions.corpus_id = memberships.corpus_id AND versions.number >= memberships.born "
        "AND versions.number < memberships.died AND versions.published_at IS NOT NULL "
        "WHERE memberships.document_id = revisions.document_id AND memberships.revision = revisions.number)"
    )


def _create_builds() -> None:
    op.create_table(
        "builds",
        sa.Column("corpus_id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("synced", sa.BigInteger(), nullable=False),
        sa.Column("filled_to", sa.String(), nullable=True),
        sa.Column("done", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["corpus_id"], ["corpora.id"], name=op.f("fk_builds_corpus_id")),
        sa.PrimaryKeyConstraint("corpus_id", "fingerprint", name=op.f("pk_builds")),
    )
    # Until now a corpus had one build, which followed every version. Its recipe is noted when a service that has
    # the same settings starts.
    op.execute(
        "INSERT INTO builds (corpus_id, fingerprint, recipe, state, since, synced, created_at) "
        "SELECT id, fingerprint, '{}', 'ready', 0, "
        "coalesce((SELECT max(number) FROM versions WHERE versions.corpus_id = corpora.id), 0), created_at FROM corpora"
    )


def _add_to_answers() -> None:
    op.add_column("answers", sa.Column("end_user", sa.String(), nullable=True))
    op.add_column("answers", sa.Column("text_sha256", sa.String(), nullable=True))
    op.create_index(op.f("ix_answers_tenant_id_end_user"), "answers", ["tenant_id", "end_user"])
    op.add_column("feedback", sa.Column("end_user", sa.String(), nullable=True))
    op.add_column("idempotent_replies", sa.Column("end_user", sa.String(), nullable=True))


def _create_answer_sources() -> None:
    op.create_table(
        "answer_sources",
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["answers.id"], name=op.f("fk_answer_sources_answer_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["document_id", "revision"],
            ["revisions.document_id", "revisions.number"],
            name=op.f("fk_answer_sources_document_id_revision"),
        ),
        sa.PrimaryKeyConstraint("answer_id", "document_id", "revision", name=op.f("pk_answer_sources")),
    )
    op.create_index(op.f("ix_answer_sources_document_id_revision"), "answer_sources", ["document_id", "revision"])


def _create_answer_turns() -> None:
    op.create_table(
        "answer_turns",
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["answers.id"], name=op.f("fk_answer_turns_answer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("answer_id", "sha256", name=op.f("pk_answer_turns")),
    )
    op.create_index(op.f("ix_answer_turns_sha256"), "answer_turns", ["sha256"])


def _create_erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("probes", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("signature", sa.String(), nullable=True),
        sa.Column("signing_key", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_erasures_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_tenant_id_created_at_id"), "erasures", ["tenant_id", "created_at", "id"])


def _create_tombstones() -> None:
    op.create_table(
        "tombstones",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("corpus_id", sa.String(), nullable=True),
        sa.Column("erasure_id", sa.String(), nullable=False),
        sa.Column("principals", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_tombstones_tenant_id")),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasures.id"], name=op.f("fk_tombstones_erasure_id")),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_tombstones")),
    )
    op.create_index(op.f("ix_tombstones_erasure_id"), "tombstones", ["erasure_id"])


def _fill_from_answers(connection: sa.Connection) -> None:
    """Note the sources and the earlier turns of the answers that are there."""
    columns: tuple[sa.ColumnClause[str], ...] = (sa.column("id"), sa.column("body"))
    after = ""
    while True:
        page = sa.select(*columns).select_from(sa.table("answers", *columns)).where(columns[0] > after)
        rows = connection.execute(page.order_by(columns[0]).limit(_ANSWERS_AT_ONCE)).all()
        if not rows:
            return
        after = rows[-1].id
        for row in rows:
            _fill_from_answer(connection, row.id, json.loads(row.body))


def _fill_from_answer(connection: sa.Connection, answer_id: str, body: dict[str, Any]) -> None:
    connection.execute(
        sa.text("UPDATE answers SET text_sha256 = :sha256 WHERE id = :id"),
        {"id": answer_id, "sha256": _normalised_sha256(body["text"])},
    )
    for document_id, number in {(one["document_id"], one["revision"]) for one in body["passages"]}:
        connection.execute(
            sa.text(
                "INSERT INTO answer_sources (answer_id, document_id, revision) "
                "SELECT :answer, document_id, number FROM revisions WHERE document_id = :document AND number = :number"
            ),
            {"answer": answer_id, "document": document_id, "number": number},
        )
    for sha256 in {_normalised_sha256(turn["content"]) for turn in body["messages"] if turn["role"] == "assistant"}:
        connection.execute(
            sa.text("INSERT INTO answer_turns (answer_id, sha256) VALUES (:answer, :sha256)"),
            {"answer": answer_id, "sha256": sha256},
        )


def _normalised_sha256(text: str) -> str:
    return hashlib.sha256(" ".join(text.split()).encode("utf-8", "surrogatepass")).hexdigest()
