"""Versions that grow old: they go with all that only they needed, and nothing else changes."""

from itertools import count

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.ids import CorpusId
from rag_service.domain.retention import Retention
from rag_service.errors import InvalidRequest, NotFound
from rag_service.use_cases.retention import NOTHING_DROPPED, ApplyRetention, Dropped
from tests.integration.crashing import CrashError, CrashingCatalog, CrashingIndex, Fuse
from tests.integration.desk import DOCUMENTS, Desk

GREEN = "Apples are green."
BROWN = "Apples are brown."


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    """Four versions: apples change twice, bananas go."""
    desk = Desk(worker=worker, admin=admin)
    await worker.container.create_corpus(admin, name=desk.corpus)
    await desk.publish(DOCUMENTS)
    await desk.publish({"a": GREEN})
    await desk.publish_removal("b")
    await desk.publish({"a": BROWN})
    return desk


async def apply(desk: Desk, *, fuse: Fuse | None = None) -> Dropped:
    """Make a round as the worker does; with a fuse over parts that fail."""
    parts, fuse = desk.worker.container, fuse or Fuse()
    round_ = ApplyRetention(
        catalog=CrashingCatalog(inner=parts.catalog, fuse=fuse),
        index=CrashingIndex(inner=parts.index, fuse=fuse),
        clock=parts.clock,
        current=parts.build.digest,
    )
    return await round_(system_scope(desk.admin.tenant_id), await corpus_id(desk))


async def corpus_id(desk: Desk) -> CorpusId:
    async with desk.worker.container.catalog.reading() as tx:
        return (await tx.corpora.get(desk.admin, desk.corpus)).id


async def keep(desk: Desk, *, versions: int, days: int = 0) -> None:
    await desk.worker.container.retention.set(
        desk.admin, corpus=desk.corpus, retention=Retention(versions=versions, days=days)
    )


async def test_with_the_defaults_nothing_goes(desk: Desk) -> None:
    assert await apply(desk) == NOTHING_DROPPED


async def test_old_versions_go_with_points_and_texts_that_only_they_had(desk: Desk) -> None:
    await keep(desk, versions=2)

    assert await apply(desk) == Dropped(versions=2, points=2, revisions=2)

    assert await apply(desk) == NOTHING_DROPPED
    for gone in ("1", "2"):
        with pytest.raises(NotFound):
            await desk.found("apples", at=gone)


async def test_what_is_kept_answers_as_before(desk: Desk) -> None:
    before = [await desk.found("Which fruit is what?", at=at) for at in ("3", "4")]
    await keep(desk, versions=2)

    await apply(desk)

    assert [await desk.found("Which fruit is what?", at=at) for at in ("3", "4")] == before
    assert await desk.worker.container.reconcile(desk.admin, dry_run=True) == []


async def test_labelled_versions_stay(desk: Desk) -> None:
    await desk.worker.container.curate_versions.label(desk.admin, corpus=desk.corpus, label="audit", number=1)
    await keep(desk, versions=1)

    await apply(desk)

    assert await desk.texts(at="audit") == set(DOCUMENTS.values())
    with pytest.raises(NotFound):
        await desk.found("apples", at="2")


async def test_what_is_published_stays_after_a_rollback_and_can_be_gone_on_from(desk: Desk) -> None:
    await desk.roll_back(1)
    await keep(desk, versions=1)

    await apply(desk)
    await desk.publish({"d": "Dates are sweet."})

    assert await desk.texts() == {*DOCUMENTS.values(), "Dates are sweet."}
    assert await desk.worker.container.reconcile(desk.admin, dry_run=True) == []


async def test_wherever_a_round_is_cut_short_the_next_ones_and_the_reconciler_end_it(desk: Desk) -> None:
    await keep(desk, versions=2)

    for at in count(1):
        fuse = Fuse(at=at)
        try:
            await apply(desk, fuse=fuse)
        except CrashError:
            continue
        break

    assert at > 4
    await desk.worker.container.reconcile(desk.admin, dry_run=False)
    assert await apply(desk) == NOTHING_DROPPED
    assert await desk.worker.container.reconcile(desk.admin, dry_run=True) == []
    assert await desk.texts() == {BROWN, DOCUMENTS["c"]}


@pytest.mark.parametrize(("versions", "days"), [(0, 0), (1, -1)])
async def test_at_least_one_version_is_kept(desk: Desk, versions: int, days: int) -> None:
    with pytest.raises(InvalidRequest):
        await keep(desk, versions=versions, days=days)
