"""Workers say that they are there, and what they do."""

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.ids import WorkerId
from rag_service.domain.jobs import JobKind, Worker
from tests.contract.catalog_values import at


def worker(name: str, seconds: float, *kinds: JobKind) -> Worker:
    return Worker(id=WorkerId(name), kinds=frozenset(kinds), host="here", pid=7, seen_at=at(seconds))


async def test_the_workers_that_are_there_say_which_kinds_are_served(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        workers = transaction.workers
        await workers.announce(worker("old", 0, JobKind.UNSEAL_DRAFT))
        await workers.announce(worker("new", 0, JobKind.SEAL_DRAFT))
        await workers.announce(worker("new", 20, JobKind.SEAL_DRAFT))

        assert await workers.list(since=at(5)) == [worker("new", 20, JobKind.SEAL_DRAFT)]
        assert await workers.served_kinds(since=at(5)) == {JobKind.SEAL_DRAFT}


async def test_workers_that_left_or_were_not_seen_for_an_hour_are_forgotten(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        workers = transaction.workers
        await workers.announce(worker("left", 3601))
        await workers.announce(worker("silent", 0))
        await workers.announce(worker("new", 3601))
        await workers.withdraw(WorkerId("left"))
        await workers.withdraw(WorkerId("left"))

        assert [one.id for one in await workers.list(since=at(0))] == ["new"]
