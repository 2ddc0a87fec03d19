"""What people see of jobs: lists, counts, and what is purged from them."""

from datetime import timedelta

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.ids import DraftId
from rag_service.domain.jobs import JobKind, JobState
from rag_service.domain.pages import PageRequest
from rag_service.errors import InvalidRequest, NotFound
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    STRANGER,
    SYSTEM,
    add_corpus,
    at,
    upload,
)
from tests.contract.job_values import UPLOAD, cancel

EVERY_KIND = tuple(JobKind)


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    return catalog


@pytest.fixture
async def draft_id(catalog: SqlCatalog) -> DraftId:
    """An uploaded document, its job queued."""
    return await upload(catalog, "a")


async def test_jobs_that_were_over_long_ago_are_purged(catalog: SqlCatalog, draft_id: DraftId) -> None:
    await cancel(catalog)

    async with catalog.writing() as transaction:
        over = [JobState.CANCELLED, JobState.DEAD]
        assert await transaction.jobs.purge(STRANGER, states=over, before=at(10)) == 0
        assert await transaction.jobs.purge(SYSTEM, states=over, before=at(5)) == 0
        assert await transaction.jobs.purge(SYSTEM, states=over, before=at(10)) == 1


async def test_jobs_that_are_not_over_are_never_purged(catalog: SqlCatalog, draft_id: DraftId) -> None:
    async with catalog.writing() as transaction:
        with pytest.raises(InvalidRequest, match="queued"):
            await transaction.jobs.purge(SYSTEM, states=[JobState.QUEUED], before=at(10))


async def test_jobs_are_listed_by_page_newest_first(catalog: SqlCatalog) -> None:
    for name in "abc":
        await upload(catalog, name)

    async with catalog.reading() as transaction:
        first = await transaction.jobs.list(SYSTEM, PageRequest(limit=2))
        rest = await transaction.jobs.list(SYSTEM, PageRequest(limit=2, after=first.items[-1].id))

    assert [job.subject for job in (*first.items, *rest.items)] == ["doc_c/1", "doc_b/1", "doc_a/1"]
    assert (first.has_more, rest.has_more) == (True, False)


async def test_lists_of_jobs_are_narrowed_by_state_kind_and_corpus(catalog: SqlCatalog, draft_id: DraftId) -> None:
    await upload(catalog, "b")
    await cancel(catalog)
    page = PageRequest()

    async with catalog.reading() as transaction:
        listed = transaction.jobs.list
        cancelled = await listed(SYSTEM, page, states=[JobState.CANCELLED])
        seals = await listed(SYSTEM, page, kind=JobKind.SEAL_DRAFT)
        of_corpus = await listed(SYSTEM, page, corpus_id=CORPUS)

    assert [job.id for job in cancelled.items] == [UPLOAD]
    assert (len(seals.items), len(of_corpus.items)) == (0, 2)


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE])
async def test_jobs_of_other_corpora_are_absent(catalog: SqlCatalog, draft_id: DraftId, scope: object) -> None:
    async with catalog.writing() as transaction:
        jobs = transaction.jobs
        assert (await jobs.list(scope, PageRequest())).items == []
        assert sum((await jobs.counts(scope)).values()) == 0
        for call in (
            jobs.get(scope, UPLOAD),
            jobs.cancel(scope, UPLOAD, now=at(1)),
            jobs.retry(scope, UPLOAD, now=at(1)),
        ):
            with pytest.raises(NotFound):
                await call


async def test_jobs_are_counted_by_state(catalog: SqlCatalog, draft_id: DraftId) -> None:
    await upload(catalog, "b")
    await cancel(catalog)

    async with catalog.reading() as transaction:
        counts = await transaction.jobs.counts(SYSTEM)

    assert {state: count for state, count in counts.items() if count} == {JobState.QUEUED: 1, JobState.CANCELLED: 1}


async def test_jobs_that_nobody_takes_are_counted_as_starved(catalog: SqlCatalog, draft_id: DraftId) -> None:
    minute = timedelta(minutes=1)

    async with catalog.reading() as transaction:
        starved = transaction.jobs.starved
        assert await starved(SYSTEM, now=at(60), served_kinds=EVERY_KIND, starved_after=minute) == 0
        assert await starved(SYSTEM, now=at(61), served_kinds=EVERY_KIND, starved_after=minute) == 1
        assert await starved(SYSTEM, now=at(1), served_kinds=[JobKind.SEAL_DRAFT], starved_after=minute) == 1
