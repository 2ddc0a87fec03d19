"""Which jobs are still to be done for a draft."""

from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import Draft
from rag_service.domain.jobs import OPEN_STATES, Job, JobKind
from rag_service.ports.catalog import Transaction


async def open_job_of(tx: Transaction, scope: AccessScope, draft: Draft, kind: JobKind) -> Job | None:
    """Return the job of this kind that will still do something to the draft, if there is one."""
    jobs = await tx.jobs.of_subject(scope, draft.id)
    return next((job for job in jobs if job.kind is kind and job.state in OPEN_STATES), None)
