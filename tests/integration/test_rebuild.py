"""A change of embedding model or chunker: a new build is filled beside the old one, and then published."""

from functools import partial

import pytest

from ingestion.filling import Rebuilds
from rag_service.domain.builds import BuildState
from rag_service.domain.drafts import SealPurpose
from rag_service.domain.ids import Fingerprint
from rag_service.domain.jobs import JobKind
from rag_service.domain.pages import PageRequest
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.errors import Conflict
from rag_service.settings import BuildSettings
from rag_service.use_cases.builds import SeenBuild
from tests.integration.crashing import CrashError, CrashingCatalog, CrashingIndex, Fuse
from tests.integration.desk import DOCUMENTS, Desk
from tests.integration.rebuilding import (
    ADMIN,
    ALL_TEXTS,
    QUESTION,
    Place,
    agrees,
    asked_under,
    corpus_of,
    fill,
    older,
    own_build,
    place,
    points_of,
    rebuild,
    rebuild_drafts,
    start,
)

__all__ = ["older", "place"]


async def test_until_it_is_rebuilt_a_corpus_is_asked_under_the_build_that_it_has(
    place: Place, older: Fingerprint
) -> None:
    async with place.service() as desk:
        assert await asked_under(desk) == older != desk.worker.container.build.digest
        assert await desk.texts() == ALL_TEXTS


async def test_a_rebuilt_corpus_is_asked_under_the_new_build(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await rebuild(desk)

        assert await asked_under(desk) == desk.worker.container.build.digest != older
        assert await desk.texts() == ALL_TEXTS
        assert (await corpus_of(desk)).published == 2
        assert await agrees(desk)


async def test_the_switch_is_a_version_without_changes(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await rebuild(desk)

        diff = await desk.worker.container.versions.diff(ADMIN, corpus=desk.corpus, before=1, after=2)
        assert (diff.added, diff.removed, diff.changed) == ((), (), ())
        async with desk.worker.container.catalog.reading() as tx:
            version = await tx.versions.get(ADMIN, (await corpus_of(desk)).id, 2)
        assert (version.document_count, version.chunk_count, version.fingerprint) == (
            3,
            3,
            desk.worker.container.build.digest,
        )


async def test_while_it_is_filled_questions_are_answered_from_the_old_build(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        before = await desk.found(QUESTION)
        await start(desk)
        turns = 0

        while not await fill(desk, turn_s=0):
            turns += 1
            assert await asked_under(desk) == older
            assert await desk.found(QUESTION) == before

        assert turns == len(DOCUMENTS)


async def test_how_far_it_is_can_be_told(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await start(desk)
        await fill(desk, turn_s=0)

        build = await own_build(desk)

        assert (build.state, build.done, build.total, build.since, build.synced) == (BuildState.FILLING, 1, 3, 1, 1)


async def test_a_build_is_filled_the_same_wherever_it_crashed(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await start(desk)
        fuse = Fuse()
        await _fill_until(desk, fuse)
        undisturbed = await points_of(place, desk)

        for at in range(1, fuse.steps):
            await _forget(place, desk)
            with pytest.raises(CrashError):
                await _fill_until(desk, Fuse(at=at))
            await fill(desk)

            assert await points_of(place, desk) == undisturbed, at
            assert (await own_build(desk)).state is BuildState.READY
            assert [draft.wanted_fingerprint for draft in await rebuild_drafts(desk)] == [
                desk.worker.container.build.digest
            ]


async def test_what_happens_while_it_is_filled_is_in_the_new_build_too(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await start(desk)
        await fill(desk, turn_s=0)
        await desk.publish({"a": "Apples are green.", "d": "Dates are sweet."})
        await fill(desk, turn_s=0)
        await desk.seal(await desk.hold(removals=("b",)), SealPurpose.PUBLISH)
        before = await desk.texts()

        await desk.work_off()

        assert await asked_under(desk) == desk.worker.container.build.digest
        assert await desk.texts() == before == {"Apples are green.", DOCUMENTS["c"], "Dates are sweet."}
        assert await agrees(desk)


async def test_a_preview_that_is_taken_back_leaves_no_trace_in_the_new_build(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        preview = await desk.hold(uploads={"a": "Apples are green."}, removals=("b",))
        await desk.seal(preview, SealPurpose.PREVIEW)
        await start(desk)
        assert (await own_build(desk)).since == 1
        await fill(desk)
        await desk.unseal(preview)

        await desk.work_off()

        assert await asked_under(desk) == desk.worker.container.build.digest
        assert await desk.texts() == ALL_TEXTS
        assert await agrees(desk)


async def test_a_document_that_lived_only_while_it_was_filled_is_found_where_it_lived(
    place: Place, older: Fingerprint
) -> None:
    async with place.service() as desk:
        await start(desk)
        await fill(desk, turn_s=0)
        await desk.publish({"d": "Dates are sweet."})
        await desk.seal(await desk.hold(removals=("d",)), SealPurpose.PUBLISH)

        await desk.work_off()

        assert await desk.texts(at="2") == ALL_TEXTS | {"Dates are sweet."}
        assert await desk.texts() == ALL_TEXTS
        assert await agrees(desk)


async def test_other_sizes_of_chunks_are_another_build_with_the_same_vectors(place: Place) -> None:
    long = "\n\n".join(f"Fruit number {number} is round and has a colour of its own." for number in range(40))
    async with place.service() as desk:
        await desk.publish({"long": long})
    async with place.service(target_tokens=64) as desk:
        computed = desk.worker.container.build_parts.own.vectors
        await rebuild(desk)

        async with desk.worker.container.catalog.reading() as tx:
            corpus = await corpus_of(desk)
            before, after = [await tx.versions.get(ADMIN, corpus.id, number) for number in (2, 3)]
        assert after.chunk_count > before.chunk_count
        assert computed.newly_embedded == after.chunk_count - len(DOCUMENTS)
        assert await agrees(desk)


async def test_a_corpus_of_a_release_with_other_constants_of_bm25_is_asked_until_it_is_rebuilt(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as release_before:
        release_before.setattr("rag_service.bootstrap.Bm25Encoder", partial(Bm25Encoder, k1=1.5, b=0.75))
        async with place.service() as desk:
            before = await desk.found(QUESTION)
    async with place.service() as desk:
        own = desk.worker.container.build.digest
        assert await asked_under(desk) != own
        assert await desk.found(QUESTION) == before

        await desk.publish({"d": "Dates are sweet."})
        assert await asked_under(desk) != own
        assert await agrees(desk)

        await rebuild(desk)
        assert await asked_under(desk) == own
        assert await desk.texts() == ALL_TEXTS | {"Dates are sweet."}
        assert await agrees(desk)


async def test_a_corpus_without_a_version_is_only_switched(place: Place, older: Fingerprint) -> None:
    async with place.service(dimensions=16) as desk:
        await desk.worker.container.create_corpus(ADMIN, name="empty")
    async with place.service() as desk:
        empty = Desk(worker=desk.worker, admin=ADMIN, corpus="empty")
        await rebuild(empty)
        await empty.publish({"a": DOCUMENTS["a"]})

        assert await asked_under(empty, "empty") == desk.worker.container.build.digest
        assert (await corpus_of(empty)).published == 1
        assert await agrees(empty)


async def test_a_service_with_other_settings_rebuilds_each_corpus_once(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await desk.worker.rebuilds.start()
        await desk.work_off()
        assert await asked_under(desk) == desk.worker.container.build.digest
        await desk.roll_back(1)

        await desk.worker.rebuilds.start()
        await desk.work_off()

        assert await asked_under(desk) == older


async def test_rebuilds_that_are_left_to_people_do_not_begin_by_themselves(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        rebuilds = Rebuilds(builds=desk.worker.container.builds, settings=BuildSettings(automatic=False))

        await rebuilds.start()

        assert [one.build.fingerprint for one in await _builds(desk)] == [older]


async def test_a_rebuild_that_was_cancelled_goes_on_where_it_was(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        job = await desk.worker.container.builds.rebuild(ADMIN, corpus=desk.corpus)
        await fill(desk, turn_s=0)
        await desk.worker.container.jobs.cancel(ADMIN, job.id)

        assert (await start(desk)).done == 1
        await desk.work_off()
        assert await asked_under(desk) == desk.worker.container.build.digest


async def test_a_corpus_is_rebuilt_by_one_job_and_not_when_it_is_there(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        manage = desk.worker.container.builds
        await start(desk)
        with pytest.raises(Conflict, match="rebuilds this corpus"):
            await manage.rebuild(ADMIN, corpus=desk.corpus)
        await desk.work_off()

        with pytest.raises(Conflict, match="already"):
            await manage.rebuild(ADMIN, corpus=desk.corpus)


async def test_a_rebuild_goes_in_turns(place: Place, older: Fingerprint, monkeypatch: pytest.MonkeyPatch) -> None:
    async with place.service() as desk:
        fill_handler = desk.worker.handlers[JobKind.FILL_BUILD]
        monkeypatch.setattr(fill_handler._fill, "_turn_s", 0.0)
        monkeypatch.setattr(fill_handler._fill, "_batch_documents", 1)
        await start(desk)
        for _ in range(2):
            await desk.worker.runner.run_next()

        page = await desk.worker.container.jobs.list(ADMIN, page=PageRequest(), kind=JobKind.FILL_BUILD)

        assert [(seen.job.state.value, seen.job.attempts) for seen in page.items] == [("queued", 0)]
        assert (await own_build(desk)).done == 2


async def _builds(desk: Desk) -> list[SeenBuild]:
    return await desk.worker.container.builds.list(ADMIN, corpus=desk.corpus)


async def _fill_until(desk: Desk, fuse: Fuse) -> None:
    parts = desk.worker.container
    await fill(
        desk,
        catalog=CrashingCatalog(inner=parts.catalog, fuse=fuse),
        index=CrashingIndex(inner=parts.index, fuse=fuse),
    )


async def _forget(place: Place, desk: Desk) -> None:
    """Begin the rebuild once more from nothing."""
    own = desk.worker.container.build.digest
    await place.index.drop(own)
    async with desk.worker.container.catalog._database.writing() as connection:
        for statement in (
            f"DELETE FROM chunks WHERE fingerprint = '{own}'",  # noqa: S608
            f"DELETE FROM document_frequencies WHERE fingerprint = '{own}'",  # noqa: S608
            f"DELETE FROM drafts WHERE wanted_fingerprint = '{own}'",  # noqa: S608
            "DELETE FROM jobs",
            f"UPDATE builds SET state = 'filling', filled_to = NULL, done = 0 WHERE fingerprint = '{own}'",  # noqa: S608
        ):
            await connection.exec_driver_sql(statement)
