"""Which columns an erasure empties: everything in the catalog that may hold what people wrote or uploaded.

tests/unit/test_every_store_has_an_eraser.py compares this with the tables.
"""

from rag_service.catalog.tables import (
    answer_turns,
    answers,
    chunks,
    corpora,
    document_frequencies,
    document_principals,
    documents,
    drafts,
    feedback,
    files,
    idempotent_replies,
    jobs,
    kept_vectors,
    revision_texts,
    revisions,
    version_labels,
    versions,
)

ERASED = frozenset(
    str(column)
    for column in (
        answers.c.body,
        answers.c.end_user,
        answers.c.text_sha256,
        answer_turns.c.sha256,
        feedback.c.comment,
        feedback.c.end_user,
        idempotent_replies.c.body,
        idempotent_replies.c.request_hash,
        idempotent_replies.c.end_user,
        documents.c.key,
        document_principals.c.principal,
        revisions.c.filename,
        revisions.c.raw_sha256,
        revisions.c.attributes,
        revisions.c.title,
        revisions.c.text_sha256,
        revisions.c.reason_detail,
        revision_texts.c.text,
        revision_texts.c.blocks,
        revision_texts.c.title,
        revision_texts.c.warnings,
        chunks.c.text,
        chunks.c.headings,
        chunks.c.embedded_sha256,
        kept_vectors.c.sha256,
        kept_vectors.c.vector,
        document_frequencies.c.terms,
        document_frequencies.c.counts,
        files.c.filename,
        files.c.sha256,
        jobs.c.detail,
        corpora.c.name,
        corpora.c.description,
        drafts.c.name,
        drafts.c.notes,
        versions.c.notes,
        version_labels.c.label,
    )
)
