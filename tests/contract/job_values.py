"""A job that contract tests of the catalog cancel."""

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.ids import JobId
from rag_service.domain.jobs import Job
from tests.contract.catalog_values import SYSTEM, at

UPLOAD = JobId("job_upload_a_1")
"""Of the first revision of the document a."""


async def cancel(catalog: SqlCatalog, job_id: JobId = UPLOAD) -> Job:
    async with catalog.writing() as transaction:
        return await transaction.jobs.cancel(SYSTEM, job_id, now=at(5))
