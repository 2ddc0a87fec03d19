"""Versions under two builds: rollback, uploads after it, and drafts that are sealed under the new one."""

import pytest

from rag_service.domain.drafts import DraftState, SealPurpose
from rag_service.domain.ids import DraftId, Fingerprint
from rag_service.errors import Conflict
from rag_service.use_cases.seal_draft import SealDraft
from tests.integration.crashing import CrashError, CrashingCatalog, CrashingIndex, Fuse
from tests.integration.desk import DOCUMENTS, held
from tests.integration.rebuilding import (
    ADMIN,
    ALL_TEXTS,
    QUESTION,
    Place,
    agrees,
    asked_under,
    fill,
    older,
    own_build,
    place,
    rebuild,
    rebuild_drafts,
    start,
)

__all__ = ["older", "place"]


async def test_after_a_rollback_questions_go_to_the_old_build_again(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        before = await desk.found(QUESTION)
        await rebuild(desk)
        after = await desk.found(QUESTION)

        await desk.roll_back(1)

        assert await asked_under(desk) == older
        assert await desk.found(QUESTION) == before
        assert await asked_under(desk, "fruit@2") == desk.worker.container.build.digest
        assert await desk.found(QUESTION, at="2") == after


async def test_an_upload_after_the_rollback_is_sealed_under_the_old_build(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await rebuild(desk)
        await desk.publish({"a": "Apples are green."})
        await desk.roll_back(1)

        await desk.publish({"d": "Dates are sweet."})

        assert await asked_under(desk) == older
        assert await desk.texts() == ALL_TEXTS | {"Dates are sweet."}
        assert await desk.texts(at="3") == {"Apples are green.", DOCUMENTS["b"], DOCUMENTS["c"]}
        assert await agrees(desk)


async def test_after_a_rollback_it_can_be_switched_again_without_filling_anew(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await rebuild(desk)
        await desk.roll_back(1)
        await desk.publish({"d": "Dates are sweet."})
        made = (await own_build(desk)).created_at

        await rebuild(desk)

        assert await asked_under(desk) == desk.worker.container.build.digest
        assert await desk.texts() == ALL_TEXTS | {"Dates are sweet."}
        assert (await own_build(desk)).created_at == made
        assert await agrees(desk)


async def test_the_draft_of_a_rebuild_can_be_looked_at_and_taken_back(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await start(desk)
        await fill(desk)
        [draft] = await rebuild_drafts(desk)
        await desk.seal(draft, SealPurpose.PREVIEW)
        assert await asked_under(desk, "fruit@draft") == desk.worker.container.build.digest
        assert await desk.texts(at="draft") == ALL_TEXTS
        assert await asked_under(desk) == older

        await desk.unseal(draft)

        opened = await desk.draft(draft.id)
        assert (opened.state, opened.fingerprint, opened.name) == (
            DraftState.OPEN,
            None,
            f"rebuild {desk.worker.container.build.digest[:8]}",
        )
        assert (await own_build(desk)).synced == 1
        assert await agrees(desk)


@pytest.mark.parametrize("at", range(1, 40, 3))
async def test_a_seal_that_brings_a_build_up_to_date_can_crash_anywhere(
    place: Place, older: Fingerprint, at: int
) -> None:
    async with place.service() as desk:
        await start(desk)
        await fill(desk)
        await desk.publish({"a": "Apples are green.", "d": "Dates are sweet."})
        await desk.seal(await desk.hold(removals=("d",)), SealPurpose.PUBLISH)
        [draft] = await rebuild_drafts(desk)
        fuse = Fuse(at=at)
        catalog = CrashingCatalog(inner=desk.worker.container.catalog, fuse=fuse)
        sealing = desk.sealing(catalog=catalog, index=CrashingIndex(inner=place.index, fuse=fuse))
        if await _crashes(sealing, draft.id):
            await desk.seal(draft)

        assert await desk.texts() == {"Apples are green.", DOCUMENTS["b"], DOCUMENTS["c"]}
        assert await asked_under(desk) == desk.worker.container.build.digest
        assert await agrees(desk)


async def test_a_version_whose_build_is_gone_cannot_be_published(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await rebuild(desk)
        async with desk.worker.container.catalog._database.writing() as connection:
            await connection.exec_driver_sql(f"DELETE FROM builds WHERE fingerprint = '{older}'")  # noqa: S608

        with pytest.raises(Conflict, match="not there any more"):
            await desk.roll_back(1)


async def _crashes(sealing: SealDraft, draft_id: DraftId) -> bool:
    try:
        await sealing(ADMIN, draft_id, still_held=held)
    except CrashError:
        return True
    return False
