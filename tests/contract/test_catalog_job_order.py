"""Which job comes next, whatever the clocks say."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog, open_catalog
from rag_service.domain.ids import JobId, TenantId
from rag_service.domain.jobs import Backlog, Heartbeat, Job, JobKind, JobState, Priority, new_job
from rag_service.errors import LeaseLost, NotFound
from tests.contract.catalog_values import OURS, STRANGER, SYSTEM, THEIRS, add_tenants, at, job

LEASE = timedelta(seconds=30)
PREPARE = (JobKind.PREPARE_REVISION,)


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    async with catalog.writing() as transaction:
        await add_tenants(transaction)
    return catalog


def wanted(name: str, *, tenant: TenantId = OURS, priority: Priority = Priority.BULK, seconds: float = 0) -> Job:
    made = new_job(tenant, JobKind.PREPARE_REVISION, f"doc_{name}/1", now=at(seconds), priority=priority)
    return replace(made, id=JobId(name))


async def add(catalog: SqlCatalog, *jobs: Job) -> list[Job]:
    async with catalog.writing() as transaction:
        return [await transaction.jobs.add(one) for one in jobs]


async def take(
    catalog: SqlCatalog,
    *,
    limit: int = 1,
    seconds: float = 0,
    priorities: tuple[Priority, ...] = tuple(Priority),
    silent: tuple[Heartbeat, ...] = (),
) -> list[Job]:
    async with catalog.writing() as transaction:
        due = await transaction.jobs.due(PREPARE, now=at(seconds), limit=limit, priorities=priorities, silent=silent)
        return await transaction.jobs.claim(due, now=at(seconds), lease=LEASE)


async def order(catalog: SqlCatalog, **how: int) -> list[str]:
    taken: list[str] = []
    while found := await take(catalog, **how):
        taken.extend(one.id for one in found)
    return taken


async def test_jobs_run_in_the_order_in_which_they_were_added_whatever_the_clock_said(catalog: SqlCatalog) -> None:
    added = await add(catalog, wanted("first", seconds=0), wanted("second", seconds=-3600), wanted("third"))

    assert [one.sequence for one in added] == [1, 2, 3]
    assert await order(catalog) == ["first", "second", "third"]


async def test_what_a_person_waits_for_comes_before_a_bulk_load(catalog: SqlCatalog) -> None:
    await add(
        catalog,
        wanted("background", priority=Priority.BACKGROUND),
        wanted("bulk"),
        wanted("person", priority=Priority.PERSON),
    )

    assert await order(catalog, limit=9) == ["person", "bulk", "background"]


async def test_only_the_priorities_asked_for_are_returned(catalog: SqlCatalog) -> None:
    await add(catalog, wanted("bulk"))

    assert await take(catalog, priorities=(Priority.PERSON,)) == []


async def test_tenants_take_turns(catalog: SqlCatalog) -> None:
    await add(
        catalog, *(wanted(f"ours{n}") for n in range(3)), *(wanted(f"theirs{n}", tenant=THEIRS) for n in range(2))
    )

    assert await order(catalog) == ["ours0", "theirs0", "ours1", "theirs1", "ours2"]


async def test_it_was_nobodys_turn_when_nothing_was_taken(catalog: SqlCatalog) -> None:
    await add(catalog, wanted("ours"), wanted("theirs", tenant=THEIRS))

    for _ in range(2):
        async with catalog.writing() as transaction:
            assert [one.id for one in await transaction.jobs.due(PREPARE, now=at(0), limit=1)] == ["ours"]


async def test_jobs_that_are_passed_over_hide_neither_others_nor_other_tenants(catalog: SqlCatalog) -> None:
    await add(catalog, wanted("large"), wanted("small"), wanted("theirs", tenant=THEIRS))

    async with catalog.writing() as transaction:
        found = [
            [one.id for one in await transaction.jobs.due(PREPARE, now=at(0), limit=1, passed_over=passed_over)]
            for passed_over in (["large"], ["large", "small"], ["large", "small", "theirs"])
        ]

    assert found == [["small"], ["theirs"], []]


async def test_a_batch_belongs_to_one_tenant_and_the_next_to_the_other(catalog: SqlCatalog) -> None:
    await add(catalog, *(wanted(f"ours{n}") for n in range(3)), wanted("theirs", tenant=THEIRS))

    batches = [[one.id for one in await take(catalog, limit=2)] for _ in range(3)]

    assert batches == [["ours0", "ours1"], ["theirs"], ["ours2"]]


async def test_a_second_open_job_of_the_same_kind_and_subject_is_the_first(catalog: SqlCatalog) -> None:
    [first] = await add(catalog, wanted("a"))

    [again] = await add(catalog, replace(wanted("b"), subject=first.subject))

    assert again == first


async def test_jobs_of_a_subject_that_are_over_do_not_keep_a_new_one_away(catalog: SqlCatalog) -> None:
    [first] = await add(catalog, wanted("a"))
    held = await take(catalog)
    async with catalog.writing() as transaction:
        await transaction.jobs.succeed(held, now=at(1))

    [again] = await add(catalog, replace(wanted("b"), subject=first.subject))

    assert again.id == "b"


async def test_of_two_that_add_at_once_both_get_the_same_job(catalog: SqlCatalog, catalog_url: str) -> None:
    async with open_catalog(catalog_url) as other:
        found = await asyncio.gather(
            *(add(opened, replace(wanted(f"n{n}"), subject="same/1")) for n in range(4) for opened in (catalog, other))
        )

    assert len({one.id for [one] in found}) == 1


async def test_a_job_of_an_unknown_tenant_is_refused(catalog: SqlCatalog) -> None:
    with pytest.raises(NotFound):
        await add(catalog, wanted("a", tenant=TenantId("nobody")))


async def test_a_job_put_off_by_a_clock_that_was_an_hour_ahead_is_due(catalog: SqlCatalog) -> None:
    await add(catalog, wanted("a", seconds=3600))

    assert [one.id for one in await take(catalog)] == ["a"]


async def test_a_silent_holder_loses_its_job_though_its_lease_lies_in_the_future(catalog: SqlCatalog) -> None:
    await add(catalog, wanted("a"))
    await take(catalog, seconds=3600)
    async with catalog.reading() as transaction:
        [beat] = await transaction.jobs.heartbeats()

    assert await take(catalog) == []
    [again] = await take(catalog, silent=(beat,))
    assert again.fence == 2


async def test_a_holder_that_renewed_its_lease_since_is_not_silent(catalog: SqlCatalog) -> None:
    await add(catalog, wanted("a"))
    held = await take(catalog)
    async with catalog.writing() as transaction:
        [beat] = await transaction.jobs.heartbeats()
        await transaction.jobs.extend(held, now=at(1), lease=LEASE)

    assert await take(catalog, silent=(beat,)) == []


async def test_two_workers_never_get_the_same_job_and_one_of_two_results_counts(
    catalog: SqlCatalog, catalog_url: str
) -> None:
    await add(catalog, *(wanted(f"n{n}") for n in range(20)), *(wanted(f"t{n}", tenant=THEIRS) for n in range(20)))
    async with open_catalog(catalog_url) as other:
        taken = await asyncio.gather(*(order(opened, limit=3) for opened in (catalog, other, catalog, other)))
    assert len([one for mine in taken for one in mine]) == len({one for mine in taken for one in mine}) == 40

    [old] = await take(catalog, seconds=30)
    async with catalog.writing() as transaction:
        scope = SYSTEM if old.tenant_id == OURS else STRANGER
        stale = replace(old, fence=old.fence - 1)
        with pytest.raises(LeaseLost):
            await transaction.jobs.assert_held(stale.id, stale.fence)
        assert await transaction.jobs.succeed([stale], now=at(31)) == frozenset()
        assert await transaction.jobs.succeed([old], now=at(31)) == {old.id}
        assert (await transaction.jobs.get(scope, old.id)).state is JobState.SUCCEEDED


async def test_jobs_of_kinds_that_are_not_asked_for_are_left(catalog: SqlCatalog) -> None:
    await add(catalog, job("seal", kind=JobKind.SEAL_DRAFT))

    assert await take(catalog) == []


async def due_kinds(catalog: SqlCatalog, *, seconds: float = 0, silent: tuple[Heartbeat, ...] = ()) -> set[JobKind]:
    async with catalog.reading() as transaction:
        return set(await transaction.jobs.due_kinds(now=at(seconds), silent=silent))


async def test_the_kinds_that_are_due_are_told_for_all_tenants_without_taking_any(catalog: SqlCatalog) -> None:
    await add(catalog, wanted("ours"), new_job(THEIRS, JobKind.ERASE, "erasure", now=at(60)))

    assert await due_kinds(catalog) == {JobKind.PREPARE_REVISION}
    assert await due_kinds(catalog, seconds=60) == {JobKind.PREPARE_REVISION, JobKind.ERASE}


async def test_the_kind_of_a_job_is_due_again_when_its_worker_is_gone(catalog: SqlCatalog) -> None:
    await add(catalog, wanted("taken"))
    [taken] = await take(catalog)
    beat = Heartbeat(job_id=taken.id, fence=taken.fence, count=taken.heartbeat)

    assert await due_kinds(catalog) == set()
    assert await due_kinds(catalog, silent=(beat,)) == {JobKind.PREPARE_REVISION}
    assert await due_kinds(catalog, seconds=31) == {JobKind.PREPARE_REVISION}


async def is_any_due(
    catalog: SqlCatalog, kind: JobKind, *, seconds: float = 0, silent: tuple[Heartbeat, ...] = ()
) -> bool:
    async with catalog.reading() as transaction:
        return await transaction.jobs.any_due({kind, JobKind.SEAL_DRAFT}, now=at(seconds), silent=silent)


async def test_a_job_of_some_kinds_is_due_for_any_tenant_from_its_time_on(catalog: SqlCatalog) -> None:
    await add(catalog, new_job(THEIRS, JobKind.ERASE, "erasure", now=at(60)))

    assert not await is_any_due(catalog, JobKind.ERASE)
    assert await is_any_due(catalog, JobKind.ERASE, seconds=60)
    assert not await is_any_due(catalog, JobKind.PREPARE_REVISION, seconds=60)


async def test_a_job_is_due_again_when_its_worker_is_gone(catalog: SqlCatalog) -> None:
    await add(catalog, wanted("taken"))
    [taken] = await take(catalog)
    beat = Heartbeat(job_id=taken.id, fence=taken.fence, count=taken.heartbeat)

    assert not await is_any_due(catalog, taken.kind)
    assert await is_any_due(catalog, taken.kind, silent=(beat,))
    assert await is_any_due(catalog, taken.kind, seconds=31)


async def test_bytes_that_wait_are_added_up_for_a_tenant_and_for_all(catalog: SqlCatalog) -> None:
    sizes = {"a": (OURS, 3), "b": (OURS, 5), "c": (THEIRS, 100)}
    await add(
        catalog, *(replace(wanted(name, tenant=tenant), size_bytes=size) for name, (tenant, size) in sizes.items())
    )
    [done] = await take(catalog)

    async with catalog.writing() as tx:
        before = await tx.jobs.backlog(OURS), await tx.jobs.waiting_bytes(SYSTEM)
        await tx.jobs.succeed([done], now=at(1))
        after = await tx.jobs.backlog(OURS), await tx.jobs.waiting_bytes(SYSTEM)

    assert (done.subject, before) == ("doc_a/1", (Backlog(of_tenant=8, of_all=108), 8))
    assert after == (Backlog(of_tenant=5, of_all=105), 5)
