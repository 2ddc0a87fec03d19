"""Golden questions, runs of suites, and gates."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_golden_questions()
    _create_golden_question_documents()
    _create_eval_runs()
    _create_eval_results()
    _create_eval_result_documents()
    _create_gates()
    _create_gate_acceptances()


def _create_golden_questions() -> None:
    op.create_table(
        "golden_questions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("corpus_id", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("answerable", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("origin_ref", sa.String(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("edits", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["corpus_id"], ["corpora.id"], name=op.f("fk_golden_questions_corpus_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_golden_questions_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_golden_questions")),
    )
    op.create_index(op.f("ix_golden_questions_corpus_id_state_created_at_id"), "golden_questions", ["corpus_id", "state", "created_at", "id"])


def _create_golden_question_documents() -> None:
    op.create_table(
        "golden_question_documents",
        sa.Column("question_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["question_id"], ["golden_questions.id"], name=op.f("fk_golden_question_documents_question_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("question_id", "document_id", name=op.f("pk_golden_question_documents")),
    )
    op.create_index(op.f("ix_golden_question_documents_document_id"), "golden_question_documents", ["document_id"])


def _create_eval_runs() -> None:
    op.create_table(
        "eval_runs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("corpus_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("draft_id", sa.String(), nullable=True),
        sa.Column("suite", sa.String(), nullable=False),
        sa.Column("suite_digest", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("judge", sa.String(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["corpus_id"], ["corpora.id"], name=op.f("fk_eval_runs_corpus_id")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_eval_runs_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eval_runs")),
    )
    op.create_index(op.f("ix_eval_runs_corpus_id_suite_created_at_id"), "eval_runs", ["corpus_id", "suite", "created_at", "id"])
    op.create_index("ix_eval_runs_newest", "eval_runs", ["corpus_id", "suite", "purpose", "state", "draft_id", "created_at", "id"])
    op.create_index(op.f("ix_eval_runs_tenant_id_created_at_id"), "eval_runs", ["tenant_id", "created_at", "id"])


def _create_eval_results() -> None:
    op.create_table(
        "eval_results",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("cache_key", sa.String(), nullable=False),
        sa.Column("scores", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["eval_runs.id"], name=op.f("fk_eval_results_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "case_id", name=op.f("pk_eval_results")),
    )
    op.create_index(op.f("ix_eval_results_cache_key"), "eval_results", ["cache_key"])


def _create_eval_result_documents() -> None:
    op.create_table(
        "eval_result_documents",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_id", "case_id"], ["eval_results.run_id", "eval_results.case_id"], name=op.f("fk_eval_result_documents_run_id_case_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "case_id", "document_id", name=op.f("pk_eval_result_documents")),
    )
    op.create_index(op.f("ix_eval_result_documents_document_id"), "eval_result_documents", ["document_id"])


def _create_gates() -> None:
    op.create_table(
        "gates",
        sa.Column("draft_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("corpus_id", sa.String(), nullable=False),
        sa.Column("against", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("questions", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("base_run_id", sa.String(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["corpus_id"], ["corpora.id"], name=op.f("fk_gates_corpus_id")),
        sa.ForeignKeyConstraint(["draft_id"], ["drafts.id"], name=op.f("fk_gates_draft_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_gates_tenant_id")),
        sa.PrimaryKeyConstraint("draft_id", "number", name=op.f("pk_gates")),
    )
    op.create_index(op.f("ix_gates_corpus_id_created_at"), "gates", ["corpus_id", "created_at"])


def _create_gate_acceptances() -> None:
    op.create_table(
        "gate_acceptances",
        sa.Column("draft_id", sa.String(), nullable=False),
        sa.Column("question_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("accepted_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["draft_id"], ["drafts.id"], name=op.f("fk_gate_acceptances_draft_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("draft_id", "question_id", "kind", name=op.f("pk_gate_acceptances")),
    )
