"""Every table of the catalog."""

from rag_service.catalog.tables.access import api_keys, login_links, sessions, tenants
from rag_service.catalog.tables.answers import answer_sources, answer_turns, answers, feedback
from rag_service.catalog.tables.documents import (
    chunks,
    corpora,
    document_principals,
    documents,
    files,
    revision_texts,
    revisions,
)
from rag_service.catalog.tables.erasures import erasures, tombstones
from rag_service.catalog.tables.evaluations import (
    eval_result_documents,
    eval_results,
    eval_runs,
    gate_acceptances,
    gates,
    golden_question_documents,
    golden_questions,
)
from rag_service.catalog.tables.index_route import index_misses, index_route
from rag_service.catalog.tables.indexes import index_checks, index_comparisons
from rag_service.catalog.tables.live import live_drifts, live_scores
from rag_service.catalog.tables.metadata import metadata
from rag_service.catalog.tables.sources import (
    OPEN_SOURCE_RUNS,
    barred_keys,
    source_changes,
    source_items,
    source_runs,
    sources,
)
from rag_service.catalog.tables.versions import (
    LIVE,
    OPEN_AUTOMATIC,
    SEALED,
    builds,
    document_frequencies,
    draft_changes,
    drafts,
    memberships,
    publications,
    version_labels,
    versions,
)
from rag_service.catalog.tables.work import OPEN_JOBS, WAITING_FILES, idempotent_replies, jobs, kept_vectors, workers

__all__ = [
    "LIVE",
    "OPEN_AUTOMATIC",
    "OPEN_JOBS",
    "OPEN_SOURCE_RUNS",
    "SEALED",
    "WAITING_FILES",
    "answer_sources",
    "answer_turns",
    "answers",
    "api_keys",
    "barred_keys",
    "builds",
    "chunks",
    "corpora",
    "document_frequencies",
    "document_principals",
    "documents",
    "draft_changes",
    "drafts",
    "erasures",
    "eval_result_documents",
    "eval_results",
    "eval_runs",
    "feedback",
    "files",
    "gate_acceptances",
    "gates",
    "golden_question_documents",
    "golden_questions",
    "idempotent_replies",
    "index_checks",
    "index_comparisons",
    "index_misses",
    "index_route",
    "jobs",
    "kept_vectors",
    "live_drifts",
    "live_scores",
    "login_links",
    "memberships",
    "metadata",
    "publications",
    "revision_texts",
    "revisions",
    "sessions",
    "source_changes",
    "source_items",
    "source_runs",
    "sources",
    "tenants",
    "tombstones",
    "version_labels",
    "versions",
    "workers",
]
