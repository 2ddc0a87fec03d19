"""Nobody can tell a forbidden row from an absent one, not even by counting statements."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import sqlalchemy as sa

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.drafts import DraftState
from rag_service.domain.erasures import Erasure, ErasureKind, Tombstone, TombstoneKind
from rag_service.domain.ids import AnswerId, CorpusId, DocumentId, DraftId, ErasureId, FileId, JobId, RunId, SourceId
from rag_service.domain.pages import PageRequest
from rag_service.domain.versions import Member
from rag_service.errors import NotFound
from rag_service.ports.catalog import Transaction
from tests.contract.answer_values import answer
from tests.contract.catalog_values import (
    CORPUS,
    FINGERPRINT,
    OURS,
    START,
    STRANGER,
    SYSTEM,
    add_corpus,
    chunk,
    job,
    publish,
    stored_file,
)
from tests.contract.source_values import run, source

SOURCE, RUN = source(), run()
ERASURE = Erasure(
    id=ErasureId("erasure_1"),
    tenant_id=OURS,
    kind=ErasureKind.PERSON,
    subject={"end_user": "hash"},
    requested_by=None,
    created_at=START,
)
TOMBSTONE = Tombstone(
    kind=TombstoneKind.ANSWER,
    id="answer_gone",
    tenant_id=OURS,
    corpus_id=CORPUS,
    erasure_id=ERASURE.id,
    principals=frozenset({"hash"}),
    erased_at=START,
)

Call = Callable[[Transaction, str], Awaitable[Any]]

CALLS: dict[str, tuple[Call, str]] = {
    "corpus": (lambda t, ref: t.corpora.get(STRANGER, ref), CORPUS),
    "file": (lambda t, ref: t.files.get(STRANGER, FileId(ref)), stored_file("a").id),
    "document": (lambda t, ref: t.documents.get(STRANGER, DocumentId(ref)), "doc_a"),
    "revision": (lambda t, ref: t.documents.revision(STRANGER, DocumentId(ref), 1), "doc_a"),
    "text": (lambda t, ref: t.documents.parsed(STRANGER, DocumentId(ref), 1), "doc_a"),
    "file of a corpus": (lambda t, ref: t.documents.by_file(STRANGER, CORPUS, FileId(ref)), stored_file("a").id),
    "passages": (lambda t, ref: t.chunks.passages(STRANGER, CORPUS, 1, [ref]), chunk("a").id),  # type: ignore[list-item]
    "draft": (lambda t, ref: t.drafts.get(STRANGER, DraftId(ref)), "the draft"),
    "draft of a corpus": (lambda t, ref: t.drafts.named(STRANGER, CORPUS, ref), "the draft"),
    "drafts": (lambda t, ref: t.drafts.list(STRANGER, CorpusId(ref), states=frozenset(DraftState)), CORPUS),
    "seal slot": (lambda t, ref: t.drafts.in_slot(STRANGER, CorpusId(ref)), CORPUS),
    "changes": (lambda t, ref: t.drafts.changes(STRANGER, DraftId(ref)), "the draft"),
    "described changes": (lambda t, ref: t.drafts.described_changes(STRANGER, DraftId(ref)), "the draft"),
    "version": (lambda t, ref: t.versions.get(STRANGER, CorpusId(ref), 1), CORPUS),
    "versions": (lambda t, ref: t.versions.list(STRANGER, CorpusId(ref), PageRequest()), CORPUS),
    "highest version": (lambda t, ref: t.versions.highest(STRANGER, CorpusId(ref)), CORPUS),
    "members": (lambda t, ref: t.versions.members(STRANGER, CorpusId(ref), 1), CORPUS),
    "what a version wrote": (lambda t, ref: t.versions.written_by(STRANGER, CorpusId(ref), 1), CORPUS),
    "frequencies": (lambda t, ref: t.versions.frequencies(STRANGER, CorpusId(ref), 1, FINGERPRINT), CORPUS),
    "build": (lambda t, ref: t.builds.get(STRANGER, CorpusId(ref), FINGERPRINT), CORPUS),
    "builds": (lambda t, ref: t.builds.list(STRANGER, CorpusId(ref)), CORPUS),
    "last published": (lambda t, ref: t.builds.last_published(STRANGER, CorpusId(ref)), CORPUS),
    "members by document": (
        lambda t, ref: t.builds.members_after(STRANGER, CorpusId(ref), 1, after=None, limit=9),
        CORPUS,
    ),
    "changes between versions": (
        lambda t, ref: t.builds.changed_between(STRANGER, CorpusId(ref), after=0, up_to=9),
        CORPUS,
    ),
    "chunks there are": (
        lambda t, ref: t.builds.without_chunks(
            STRANGER, FINGERPRINT, [Member(document_id=DocumentId(ref), revision=1)]
        ),
        "doc_a",
    ),
    "points": (lambda t, ref: t.points.count(STRANGER, CorpusId(ref), FINGERPRINT), CORPUS),
    "labels": (lambda t, ref: t.versions.labels(STRANGER, CorpusId(ref)), CORPUS),
    "publications": (lambda t, ref: t.corpora.publications(STRANGER, CorpusId(ref), PageRequest()), CORPUS),
    "source": (lambda t, ref: t.sources.get(STRANGER, SourceId(ref)), SOURCE.id),
    "source of a corpus": (lambda t, ref: t.sources.named(STRANGER, CORPUS, ref), SOURCE.id),
    "sources": (lambda t, ref: t.sources.list(STRANGER, CorpusId(ref)), CORPUS),
    "items of a source": (lambda t, ref: t.sources.items(STRANGER, SourceId(ref)), SOURCE.id),
    "published of a source": (lambda t, ref: t.sources.published(STRANGER, SourceId(ref)), SOURCE.id),
    "barred keys": (lambda t, ref: t.sources.barred(STRANGER, CorpusId(ref)), CORPUS),
    "run": (lambda t, ref: t.source_runs.get(STRANGER, RunId(ref)), RUN.id),
    "runs": (lambda t, ref: t.source_runs.list(STRANGER, SourceId(ref), PageRequest()), SOURCE.id),
    "newest runs": (lambda t, ref: t.source_runs.latest(STRANGER, [SourceId(ref)]), SOURCE.id),
    "plan of a run": (lambda t, ref: t.source_runs.changes(STRANGER, RunId(ref)), RUN.id),
    "job": (lambda t, ref: t.jobs.get(STRANGER, JobId(ref)), job("a").id),
    "erasure": (lambda t, ref: t.erasures.get(STRANGER, ErasureId(ref)), ERASURE.id),
    "tombstone": (lambda t, ref: t.erasures.tombstone(STRANGER, TombstoneKind.ANSWER, ref), "answer_gone"),
    "answer": (lambda t, ref: t.answers.get(STRANGER, AnswerId(ref)), answer().id),
}


async def outcome(catalog: SqlCatalog, call: Call, ref: str) -> tuple[int, str]:
    """The number of statements, and what was said, with the id itself left out."""
    statements = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    said = "nothing"
    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    with contextlib.ExitStack() as stack:
        stack.callback(sa.event.remove, sa.Engine, "before_cursor_execute", note)
        async with catalog.reading() as transaction:
            try:
                await call(transaction, ref)
            except NotFound as error:
                said = str(error).replace(ref, "…")
    return len(statements), said


@pytest.mark.parametrize("kind", CALLS)
async def test_forbidden_and_absent_look_the_same(catalog: SqlCatalog, kind: str) -> None:
    await add_corpus(catalog)
    version = await publish(catalog, "a")
    async with catalog.writing() as transaction:
        await transaction.jobs.add(job("a"))
        await transaction.sources.add(SYSTEM, SOURCE)
        await transaction.source_runs.add(SYSTEM, RUN)
        await transaction.answers.add(SYSTEM, answer())
        await transaction.erasures.add(SYSTEM, ERASURE, [TOMBSTONE])
    call, forbidden = CALLS[kind]
    forbidden = version.draft_id if forbidden == "the draft" else forbidden

    statements, said = await outcome(catalog, call, forbidden)

    assert statements > 0
    assert (statements, said) == await outcome(catalog, call, "absent")
