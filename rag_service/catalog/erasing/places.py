"""Where rows of what is erased are found."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.tables import (
    answer_sources,
    barred_keys,
    builds,
    chunks,
    document_frequencies,
    document_principals,
    documents,
    draft_changes,
    drafts,
    eval_result_documents,
    eval_runs,
    gates,
    golden_question_documents,
    golden_questions,
    index_checks,
    index_comparisons,
    jobs,
    live_drifts,
    memberships,
    publications,
    revision_texts,
    revisions,
    source_changes,
    source_items,
    sources,
    tombstones,
    version_labels,
    versions,
)
from rag_service.domain.erasures import TombstoneKind
from rag_service.domain.ids import DocumentId, ErasureId, TenantId
from rag_service.domain.jobs import JobKind

DOCUMENT_TABLES: tuple[tuple[sa.Table, sa.Column[str]], ...] = (
    (answer_sources, answer_sources.c.document_id),
    (eval_result_documents, eval_result_documents.c.document_id),
    (golden_question_documents, golden_question_documents.c.document_id),
    (source_items, source_items.c.document_id),
    (source_changes, source_changes.c.document_id),
    (memberships, memberships.c.document_id),
    (draft_changes, draft_changes.c.document_id),
    (chunks, chunks.c.document_id),
    (revision_texts, revision_texts.c.document_id),
    (revisions, revisions.c.document_id),
    (document_principals, document_principals.c.document_id),
    (documents, documents.c.id),
)
"""Where the rows of a document are, children first, and the column that names it."""

CORPUS_TABLES = (
    version_labels,
    document_frequencies,
    versions,
    publications,
    golden_questions,
    eval_runs,  # its results go with it
    gates,
    live_drifts,
    index_checks,
    index_comparisons,
    drafts,  # what was accepted of them goes with them
    builds,
    jobs,
    sources,  # its items and runs go with it
    barred_keys,
)
"""What a corpus has besides documents and answers, children first."""


def jobs_of_document(document_id: DocumentId) -> sa.ColumnElement[bool]:
    """Jobs about revisions of a document, and their parts."""
    place = sa.literal(f"{document_id}/").concat(sa.cast(revisions.c.number, sa.String))
    subjects = sa.select(place).where(revisions.c.document_id == document_id)
    whole = jobs.alias()
    wholes = sa.select(whole.c.id).where(whole.c.kind == JobKind.PREPARE_REVISION, whole.c.subject.in_(subjects))
    return sa.or_(jobs.c.id.in_(wholes), jobs.c.whole_id.in_(wholes))


def buried(tenant_id: TenantId, erasure_id: ErasureId, *kinds: TombstoneKind) -> "sa.Select[tuple[Any]]":
    """Select the ids of what has a tombstone of an erasure."""
    return sa.select(tombstones.c.id).where(
        tombstones.c.tenant_id == tenant_id, tombstones.c.erasure_id == erasure_id, tombstones.c.kind.in_(kinds)
    )


async def delete_rows(connection: AsyncConnection, table: sa.Table, condition: sa.ColumnElement[bool]) -> int:
    """Delete rows and return how many there were."""
    return (await connection.execute(table.delete().where(condition))).rowcount
