"""Golden questions, runs and their results, gates. What people and documents say is inside `content` and `evidence`."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, ForeignKeyConstraint, Index, String, Table

from rag_service.catalog.columns import JsonText, UtcDateTime
from rag_service.catalog.tables.metadata import metadata

golden_questions = Table(
    "golden_questions",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("corpus_id", ForeignKey("corpora.id"), nullable=False),
    Column("content", JsonText, nullable=False),  # messages, answers, quotes, note
    Column("answerable", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("origin_ref", String),
    Column("author", String),
    Column("edits", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index(None, "corpus_id", "state", "created_at", "id"),
)

# The documents that a question quotes, by their ids: erasing one finds it when the key is gone already.
golden_question_documents = Table(
    "golden_question_documents",
    metadata,
    Column("question_id", ForeignKey("golden_questions.id", ondelete="CASCADE"), primary_key=True),
    Column("document_id", String, primary_key=True),
    Index(None, "document_id"),
)

eval_runs = Table(
    "eval_runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("corpus_id", ForeignKey("corpora.id"), nullable=False),
    Column("number", BigInteger),
    Column("draft_id", String),
    Column("suite", String, nullable=False),
    Column("suite_digest", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("state", String, nullable=False),
    Column("judge", String),
    Column("total", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("summary", JsonText, nullable=False),  # made_with, figures, notes, error
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index(None, "tenant_id", "created_at", "id"),
    Index(None, "corpus_id", "suite", "created_at", "id"),
    # Has all that finding the newest finished runs looks at: that is done with every look of Prometheus.
    Index("ix_eval_runs_newest", "corpus_id", "suite", "purpose", "state", "draft_id", "created_at", "id"),
)

eval_results = Table(
    "eval_results",
    metadata,
    Column("run_id", ForeignKey("eval_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("case_id", String, primary_key=True),
    Column("cache_key", String, nullable=False),
    Column("scores", JsonText, nullable=False),  # scores, missing
    Column("evidence", JsonText, nullable=False),
    Index(None, "cache_key"),
)

# The documents whose text is in a result: erasing one finds it. No foreign key to documents: those are erased first.
eval_result_documents = Table(
    "eval_result_documents",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("case_id", String, primary_key=True),
    Column("document_id", String, primary_key=True),
    Index(None, "document_id"),
    ForeignKeyConstraint(["run_id", "case_id"], ["eval_results.run_id", "eval_results.case_id"], ondelete="CASCADE"),
)

gates = Table(
    "gates",
    metadata,
    Column("draft_id", ForeignKey("drafts.id", ondelete="CASCADE"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("corpus_id", ForeignKey("corpora.id"), nullable=False),
    Column("against", BigInteger, nullable=False),
    Column("verdict", String, nullable=False),
    Column("questions", BigInteger, nullable=False),
    Column("run_id", String),
    Column("base_run_id", String),
    Column("evidence", JsonText, nullable=False),  # regressions, reason, suite_digest
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "corpus_id", "created_at"),
)

gate_acceptances = Table(
    "gate_acceptances",
    metadata,
    Column("draft_id", ForeignKey("drafts.id", ondelete="CASCADE"), primary_key=True),
    Column("question_id", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("reason", JsonText, nullable=False),
    Column("accepted_by", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
