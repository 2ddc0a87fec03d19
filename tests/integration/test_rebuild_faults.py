"""Builds whose model is gone, and builds that differ from what the catalog says."""

import pytest

from rag_service.domain.drafts import Draft
from rag_service.domain.findings import FindingKind
from rag_service.domain.ids import Fingerprint
from rag_service.errors import Conflict, SlotTaken
from tests.integration.desk import DOCUMENTS, Desk
from tests.integration.rebuilding import (
    ADMIN,
    ALL_TEXTS,
    QUESTION,
    Place,
    agrees,
    corpus_of,
    fill,
    lose_model,
    older,
    place,
    points_of,
    rebuild,
    start,
)

__all__ = ["older", "place"]


async def test_a_corpus_whose_model_is_gone_is_refused_and_all_else_is_answered(
    place: Place, older: Fingerprint
) -> None:
    async with place.service() as desk:
        await lose_model(desk, older)
        other = Desk(worker=desk.worker, admin=ADMIN, corpus="vegetables")
        await desk.worker.container.create_corpus(ADMIN, name=other.corpus)
        await other.publish({"leek": "Leeks are long."})

        with pytest.raises(Conflict, match="RAG_EMBEDDING__MODEL"):
            await desk.found(QUESTION)
        assert await other.texts() == {"Leeks are long."}


async def test_a_corpus_whose_model_is_gone_can_be_rebuilt(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await lose_model(desk, older)

        await rebuild(desk)

        assert await desk.texts() == ALL_TEXTS
        assert await desk.texts(at="2") == ALL_TEXTS


async def test_an_upload_waits_for_the_rebuild_when_the_old_model_is_gone(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await lose_model(desk, older)
        await desk.upload("d", "Dates are sweet.")
        await desk.prepare()
        draft = await _automatic_draft(desk)
        await start(desk)
        with pytest.raises(SlotTaken, match="being rebuilt"):
            await desk.seal(draft)

        await desk.work_off()
        await desk.seal(draft)

        assert await desk.texts() == ALL_TEXTS | {"Dates are sweet."}


async def test_an_upload_that_cannot_be_sealed_takes_no_number(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await lose_model(desk, older)
        await desk.upload("d", "Dates are sweet.")

        await desk.work_off()

        assert (await corpus_of(desk)).highest == 1


async def test_the_reconciler_mends_every_build(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await rebuild(desk)
        corpus = await corpus_of(desk)
        for fingerprint in (older, desk.worker.container.build.digest):
            [page] = [page async for page in place.index.states(fingerprint, corpus_id=corpus.id)]
            await place.index.purge(fingerprint, [page[0].id])

        [found] = await desk.worker.container.reconcile(ADMIN, corpus=desk.corpus, dry_run=False)

        assert (found.kind, found.found, found.mended) == (FindingKind.MISSING_POINT, 2, 2)
        assert await agrees(desk)


async def test_what_a_build_lacks_whose_model_is_gone_is_told_and_all_else_is_mended(
    place: Place, older: Fingerprint
) -> None:
    async with place.service() as desk:
        await lose_model(desk, older)
        [page] = [page async for page in place.index.states(older, corpus_id=(await corpus_of(desk)).id)]
        await place.index.purge(older, [page[0].id])
        await place.index.retire(older, [page[1].id], at=1)

        found = await desk.worker.container.reconcile(ADMIN, corpus=desk.corpus, dry_run=False)

        assert [(each.kind, each.found, each.mended) for each in found] == [
            (FindingKind.MISSING_POINT, 1, 0),
            (FindingKind.WRONG_INTERVAL, 1, 1),
        ]


async def test_the_reconciler_leaves_a_build_alone_that_is_filled(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await start(desk)
        await fill(desk, turn_s=0)
        before = await points_of(place, desk)

        assert await desk.worker.container.reconcile.everything() == []
        assert await desk.worker.container.reconcile.before_sealing() == []
        assert await points_of(place, desk) == before


async def test_points_of_a_build_that_the_corpus_does_not_have_are_taken_away(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await desk.worker.container.create_corpus(ADMIN, name="vegetables")
        await start(desk)
        await fill(desk, turn_s=0)
        await _forget_row(desk)

        [found] = await desk.worker.container.reconcile.everything()

        assert (found.kind, found.found, found.mended) == (FindingKind.ORPHAN_POINT, 1, 1)
        assert await points_of(place, desk) == []


async def test_rights_reach_every_build_also_one_that_is_filled(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await start(desk)
        await fill(desk, turn_s=0)
        board = frozenset({"board"})
        for document_id in await desk.keys():
            await desk.worker.container.grant_document(ADMIN, document_id, board)

        await desk.work_off()

        states = [
            state
            for fingerprint in (older, desk.worker.container.build.digest)
            async for page in place.index.states(fingerprint, corpus_id=(await corpus_of(desk)).id)
            for state in page
        ]
        assert {state.principals for state in states} == {board}
        assert len(states) == 2 * len(DOCUMENTS)


async def _automatic_draft(desk: Desk) -> Draft:
    async with desk.worker.container.catalog.writing() as tx:
        return await tx.drafts.automatic(ADMIN, (await corpus_of(desk)).id, desk.worker.container.clock())


async def _forget_row(desk: Desk) -> None:
    own, corpus = desk.worker.container.build.digest, await corpus_of(desk)
    async with desk.worker.container.catalog._database.writing() as connection:
        await connection.exec_driver_sql(
            f"DELETE FROM builds WHERE fingerprint = '{own}' AND corpus_id = '{corpus.id}'"  # noqa: S608
        )
