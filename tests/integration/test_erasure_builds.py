"""An erased document is in no build of its corpus any more, and a build that is being filled goes on without it."""

import json

from rag_service.domain.access import system_scope
from rag_service.domain.ids import Fingerprint
from rag_service.domain.retention import Retention
from tests.integration.desk import DOCUMENTS
from tests.integration.erasing import document_id, erase, finished, rows_with
from tests.integration.rebuilding import ALL_TEXTS, Place, agrees, fill, older, place, rebuild, start

__all__ = ["older", "place"]

LEFT = ALL_TEXTS - {DOCUMENTS["b"]}


async def test_a_document_is_erased_from_two_builds(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await rebuild(desk)

        done = await erase(desk, "b")

        assert [await desk.texts(at=number) for number in ("1", "2")] == [LEFT, LEFT]
        assert json.loads(done.receipt or "")["removed"]["points"] == 2
        assert await rows_with(desk, "Bananas") == []
        assert await agrees(desk)


async def test_versions_of_both_builds_count_what_is_left(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await rebuild(desk)

        await erase(desk, "b")
        await desk.publish({"d": "Dates are sweet."})

        assert await desk.texts() == LEFT | {"Dates are sweet."}
        async with desk.worker.container.catalog.reading() as tx:
            corpus = await tx.corpora.get(desk.admin, desk.corpus)
            tables = [
                await tx.versions.frequencies(desk.admin, corpus.id, number, fingerprint)
                for number, fingerprint in ((1, older), (2, corpus.fingerprint))
            ]
        assert [table.chunk_count for table in tables if table] == [2, 2]


async def test_a_build_that_is_being_filled_goes_on_without_it(place: Place, older: Fingerprint) -> None:
    async with place.service() as desk:
        await start(desk)
        await fill(desk, turn_s=0)
        request = desk.worker.container.request_erasure

        await finished(desk, await request.document(desk.admin, await document_id(desk, "b")))
        await desk.work_off()

        assert [await desk.texts(at=number) for number in ("1", "2")] == [LEFT, LEFT]
        assert await agrees(desk)


async def test_a_build_that_is_not_kept_leaves_no_vectors_that_an_erasure_would_not_find(place: Place) -> None:
    async with place.service(dimensions=16) as desk:
        await desk.publish({"long": "\n\n".join(f"Paragraph {number} is about pears." for number in range(40))})
        old = desk.worker.container.build.digest
    async with place.service(dimensions=16, target_tokens=32) as desk:
        await rebuild(desk)
        await desk.publish({"d": "Dates are sweet."})
        parts, scope = desk.worker.container, system_scope(desk.admin.tenant_id)
        await parts.retention.set(desk.admin, corpus=desk.corpus, retention=Retention(versions=1, days=0))
        async with parts.catalog.reading() as tx:
            corpus = await tx.corpora.get(scope, desk.corpus)

        assert (await parts.apply_retention(scope, corpus.id)).builds == 1

        async with parts.catalog.writing() as tx:
            assert (await tx.erasures.remove_strayed_vectors(scope)).removed == {"kept_vectors": 0}
        assert await parts.index.corpora(old) == {}
