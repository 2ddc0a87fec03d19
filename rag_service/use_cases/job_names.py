"""What jobs are about, in words."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId, DocumentId, JobId
from rag_service.domain.jobs import Job, JobKind
from rag_service.domain.versions import Member
from rag_service.errors import NotFound
from rag_service.ports.catalog import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNames:
    """Names of a job's corpus and of the file it prepares; None of what is gone or may not be seen.

    `subject` is the job's, which names a document by its id.
    """

    subject: str | None = None
    corpus: str | None = None
    document: str | None = None


async def names_of(tx: Transaction, scope: AccessScope, jobs: Sequence[Job]) -> dict[JobId, JobNames]:
    """Return the names for each job, in few statements."""
    corpora: dict[CorpusId | None, str] = {}
    for corpus_id in {job.corpus_id for job in jobs if job.corpus_id is not None}:
        with suppress(NotFound):
            corpora[corpus_id] = (await tx.corpora.get(scope, corpus_id)).name
    documents = await _documents_of(tx, scope, jobs)
    return {
        job.id: JobNames(
            subject=job.subject if job.kind is not JobKind.PREPARE_REVISION or job.id in documents else None,
            corpus=corpora.get(job.corpus_id),
            document=documents.get(job.id),
        )
        for job in jobs
    }


async def _documents_of(tx: Transaction, scope: AccessScope, jobs: Sequence[Job]) -> dict[JobId, str]:
    members = {job.id: member for job in jobs if (member := _prepared_by(job)) is not None}
    if not members:
        return {}
    revisions = await tx.documents.revisions(scope, list(members.values()))
    return {job_id: revisions[member].filename for job_id, member in members.items() if member in revisions}


def _prepared_by(job: Job) -> Member | None:
    document_id, _, number = job.subject.rpartition("/")
    if job.kind is not JobKind.PREPARE_REVISION or not number.isdecimal():
        return None
    return Member(document_id=DocumentId(document_id), revision=int(number))
