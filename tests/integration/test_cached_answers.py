"""Kept answers and what happens to the documents that they cite."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain import words
from rag_service.domain.access import AccessScope
from rag_service.domain.ids import ErasureId
from rag_service.domain.remembered import TEXTS_STAY_S
from rag_service.errors import CatalogUnavailable
from rag_service.use_cases.answering.forget_erased import ForgetErased
from tests.integration.desk import Desk
from tests.integration.erasing import ask, document_id, finished

QUINCES = "The quinces of the orchard ripen slowly on the southern wall."
QUESTION = "Where do the quinces of the orchard ripen?"


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    desk = Desk(worker=worker, admin=admin)
    await worker.container.create_corpus(admin, name=desk.corpus)
    await desk.publish({"quince": QUINCES, "bananas": "Bananas are yellow."})
    return desk


async def test_it_is_not_given_again_once_a_document_that_it_cites_has_changed(desk: Desk) -> None:
    await ask(desk, QUESTION)
    await desk.publish({"quince": f"{QUINCES} They smell of roses."})

    again = await ask(desk, QUESTION)

    assert (again.cached, again.citations[0].revision) == (False, 2)


async def test_nor_at_an_older_version(desk: Desk) -> None:
    await desk.publish({"quince": f"{QUINCES} They smell of roses."})
    await ask(desk, QUESTION)

    again = await ask(desk, QUESTION, at="1")

    assert (again.cached, again.citations[0].revision) == (False, 1)


async def test_after_an_erasure_its_words_leave_the_memory(desk: Desk) -> None:
    parts = desk.worker.container
    await ask(desk, QUESTION)
    await parts.forget_erased()
    kept = parts.answer_cache.count

    await finished(desk, await parts.request_erasure.document(desk.admin, await document_id(desk, "quince")))
    await parts.forget_erased()

    assert (kept, parts.answer_cache.count) == (1, 0)
    assert "quinces" not in (await ask(desk, QUESTION)).text


async def test_after_a_person_is_erased_what_was_said_to_them_does_too(desk: Desk) -> None:
    parts = desk.worker.container
    ann = parts.act_for.name_of(desk.admin, "ann@example.org")
    await ask(desk, QUESTION, end_user=ann)

    await parts.request_erasure.person(desk.admin, "ann@example.org")
    await parts.forget_erased()

    assert parts.answer_cache.count == 0


async def test_an_erasure_that_is_seen_after_a_later_one_counts(desk: Desk) -> None:
    parts = desk.worker.container
    seen = await parts.request_erasure.document(desk.admin, await document_id(desk, "bananas"))
    for _ in range(2):
        await ask(desk, QUESTION)
        await parts.forget_erased()
    kept = parts.answer_cache.count

    behind = replace(seen, id=ErasureId("erasure_behind"), created_at=seen.created_at - timedelta(minutes=10))
    async with parts.catalog.writing() as tx:
        await tx.erasures.add(desk.admin, behind, [])
    await parts.forget_erased()

    assert (kept, parts.answer_cache.count) == (1, 0)


async def test_while_more_is_erased_than_is_looked_through_nothing_is_kept(desk: Desk) -> None:
    parts = desk.worker.container
    seen = await parts.request_erasure.document(desk.admin, await document_id(desk, "bananas"))
    async with parts.catalog.writing() as tx:
        for number in range(200):
            await tx.erasures.add(desk.admin, replace(seen, id=ErasureId(f"erasure_{number}")), [])

    for _ in range(2):
        await ask(desk, QUESTION)
        await parts.forget_erased()

    assert parts.answer_cache.count == 0


async def test_what_was_remembered_of_its_words_goes_too(desk: Desk) -> None:
    parts = desk.worker.container
    await ask(desk, QUESTION)
    await parts.forget_erased()
    await ask(desk, QUESTION)
    before = words.stem.cache_info().currsize

    await parts.request_erasure.document(desk.admin, await document_id(desk, "quince"))
    await parts.forget_erased()

    assert (before > 0, words.stem.cache_info().currsize) == (True, 0)


async def test_the_worker_that_erased_them_remembers_no_words(desk: Desk) -> None:
    await ask(desk, QUESTION)

    await finished(
        desk, await desk.worker.container.request_erasure.document(desk.admin, await document_id(desk, "quince"))
    )

    assert words.stem.cache_info().currsize == 0


async def test_words_go_after_a_while_also_without_an_erasure(desk: Desk) -> None:
    parts, now = desk.worker.container, [desk.worker.container.clock()]
    forget = ForgetErased(catalog=parts.catalog, cache=parts.answer_cache, clock=lambda: now[0])
    await forget()
    await ask(desk, QUESTION)
    await forget()
    before = words.stem.cache_info().currsize

    now[0] += timedelta(seconds=TEXTS_STAY_S)
    await forget()

    assert (before > 0, words.stem.cache_info().currsize, parts.answer_cache.count) == (True, 0, 1)


async def test_without_an_erasure_it_stays(desk: Desk) -> None:
    parts = desk.worker.container
    await ask(desk, QUESTION)

    for _ in range(2):
        await parts.forget_erased()

    assert parts.answer_cache.count == 1


async def test_while_the_catalog_says_nothing_nothing_is_kept(desk: Desk) -> None:
    parts = desk.worker.container
    await ask(desk, QUESTION)

    class Down:
        def reading(self) -> object:
            raise CatalogUnavailable("down")

    await ForgetErased(catalog=Down(), cache=parts.answer_cache, clock=parts.clock)()  # type: ignore[arg-type]

    assert parts.answer_cache.count == 0
