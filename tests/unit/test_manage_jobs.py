"""Who may do what with jobs is decided before anything is read."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rag_service.domain.access import EVERYONE, AccessScope, Permission
from rag_service.domain.ids import JobId, TenantId
from rag_service.domain.jobs import JobState
from rag_service.domain.pages import PageRequest
from rag_service.errors import NotFound
from rag_service.queue.polled import PolledQueue
from rag_service.settings import JobSettings
from rag_service.use_cases.jobs import ManageJobs

JOB = JobId("job_1")
Call = Callable[[ManageJobs, AccessScope], Awaitable[Any]]

SEEING: list[Call] = [
    lambda jobs, scope: jobs.list(scope, page=PageRequest()),
    lambda jobs, scope: jobs.get(scope, JOB),
    lambda jobs, scope: jobs.counts(scope),
]


class ClosedCatalog:
    """Fails whoever opens a transaction."""

    def reading(self) -> Any:
        raise AssertionError("the catalog was read")

    def writing(self) -> Any:
        raise AssertionError("the catalog was written")


def scope(*permissions: Permission) -> AccessScope:
    return AccessScope(tenant_id=TenantId("a"), principals=frozenset({EVERYONE}), permissions=frozenset(permissions))


@pytest.fixture
def jobs() -> ManageJobs:
    return ManageJobs(
        catalog=ClosedCatalog(),
        queue=PolledQueue(),
        clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        settings=JobSettings(),
    )


@pytest.mark.parametrize("call", SEEING)
async def test_who_only_asks_questions_sees_no_jobs(jobs: ManageJobs, call: Call) -> None:
    with pytest.raises(NotFound):
        await call(jobs, scope(Permission.CHAT, Permission.HISTORY))


@pytest.mark.parametrize("call", SEEING)
@pytest.mark.parametrize("permission", [Permission.UPLOAD, Permission.PUBLISH, Permission.EVAL, Permission.ADMIN])
async def test_one_of_four_permissions_is_enough_to_see_jobs(
    jobs: ManageJobs, call: Call, permission: Permission
) -> None:
    with pytest.raises(AssertionError, match="was read"):
        await call(jobs, scope(permission))


async def test_purging_is_for_admins(jobs: ManageJobs) -> None:
    with pytest.raises(NotFound):
        await jobs.purge(scope(Permission.UPLOAD, Permission.PUBLISH), states={JobState.DEAD}, older_than=timedelta(0))
