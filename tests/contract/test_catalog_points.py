"""What the index should hold, by the catalog."""

import asyncio

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.ids import point_id
from rag_service.domain.points import ExpectedPoint, MembershipPlace, SlotState
from rag_service.domain.versions import OPEN
from rag_service.errors import NotFound
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    FINGERPRINT,
    OURS,
    START,
    STRANGER,
    SYSTEM,
    THEIRS,
    add_corpus,
    chunk,
    document,
    member,
    prepare,
    publish,
    remove,
    seal,
    seal_in,
    upload,
)

BOARD = frozenset({"board"})


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    """Version 1 has a and b, version 2 another revision of a and no b."""
    await add_corpus(catalog)
    await publish(catalog, "a", "b")
    await upload(catalog, "a", 2)
    await prepare(catalog, "a", 2)
    await seal(catalog, await remove(catalog, "b"))
    return catalog


async def all_points(catalog: SqlCatalog, *, limit: int = 100) -> list[ExpectedPoint]:
    found: list[ExpectedPoint] = []
    after: MembershipPlace | None = None
    async with catalog.reading() as tx:
        while True:
            page, after = await tx.points.page(SYSTEM, CORPUS, FINGERPRINT, after=after, limit=limit)
            if after is None:
                return found
            found += page


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_every_chunk_of_every_membership_has_a_point(catalog: SqlCatalog, limit: int) -> None:
    points = await all_points(catalog, limit=limit)

    lives = {(point.chunk_id, point.born, point.died) for point in points}
    assert lives == {(chunk("a").id, 1, 2), (chunk("b").id, 1, 2), (chunk("a", 2).id, 2, OPEN)}
    assert len(points) == 3
    assert {point.id for point in points} == {point_id(chunk_id, born) for chunk_id, born, _ in lives}


async def test_points_carry_the_principals_of_their_document_as_they_are_now(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.documents.grant(SYSTEM, document("a").id, BOARD)

    assert {point.member for point in await all_points(catalog) if point.principals == BOARD} == {
        member("a"),
        member("a", 2),
    }


async def test_the_number_of_points_is_known(catalog: SqlCatalog) -> None:
    async with catalog.reading() as tx:
        assert await tx.points.count(SYSTEM, CORPUS, FINGERPRINT) == 3


async def test_points_are_found_by_chunk_and_by_documents(catalog: SqlCatalog) -> None:
    async with catalog.reading() as tx:
        of_chunks = await tx.points.of_chunks(SYSTEM, CORPUS, FINGERPRINT, [chunk("b").id, chunk("absent").id])
        of_documents = await tx.points.of_documents(SYSTEM, [document("a").id, document("absent").id])

    assert [point.member for point in of_chunks] == [member("b")]
    assert {point.member for point in of_documents[FINGERPRINT]} == {member("a"), member("a", 2)}


async def test_every_tenant_is_listed(catalog: SqlCatalog) -> None:
    async with catalog.reading() as tx:
        assert await tx.points.tenants() == [OURS, THEIRS]


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE], ids=["another tenant", "another corpus"])
async def test_a_corpus_outside_the_scope_is_not_found(catalog: SqlCatalog, scope) -> None:
    async with catalog.reading() as tx:
        for call in (
            tx.points.page(scope, CORPUS, FINGERPRINT, after=None, limit=1),
            tx.points.count(scope, CORPUS, FINGERPRINT),
            tx.points.of_chunks(scope, CORPUS, FINGERPRINT, [chunk("a").id]),
            tx.points.slot(scope, CORPUS, hold=False),
        ):
            with pytest.raises(NotFound):
                await call


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE], ids=["another tenant", "another corpus"])
async def test_documents_outside_the_scope_have_no_points(catalog: SqlCatalog, scope) -> None:
    async with catalog.reading() as tx:
        assert await tx.points.of_documents(scope, [document("a").id]) == {}


async def test_the_slot_says_which_number_is_being_written_or_undone(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "c")
    await prepare(catalog, "c")
    async with catalog.writing() as tx:
        at_rest = await tx.points.slot(SYSTEM, CORPUS, hold=True)
        await tx.drafts.start_sealing(SYSTEM, draft_id, START)
        sealing = await tx.points.slot(SYSTEM, CORPUS, hold=True)
        await seal_in(tx, draft_id)
        sealed = await tx.points.slot(SYSTEM, CORPUS, hold=True)
        await tx.drafts.start_unsealing(SYSTEM, draft_id)
        unsealing = await tx.points.slot(SYSTEM, CORPUS, hold=True)

    assert [at_rest.moving, sealing.moving, sealed.moving, unsealing.moving] == [None, 3, None, 3]
    assert [at_rest.highest, sealing.highest] == [2, 3]


async def test_nothing_is_sealed_while_the_slot_is_held(catalog: SqlCatalog) -> None:
    draft_id = await upload(catalog, "c")
    await prepare(catalog, "c")

    async def start() -> None:
        async with catalog.writing() as tx:
            await tx.drafts.start_sealing(SYSTEM, draft_id, START)

    async with catalog.writing() as tx:
        await tx.points.slot(SYSTEM, CORPUS, hold=True)
        starting = asyncio.create_task(start())
        await asyncio.sleep(0.2)
        held = await tx.points.slot(SYSTEM, CORPUS, hold=False)
    await starting

    assert held == SlotState(highest=2, moving=None)


async def test_the_hashes_of_files_are_read_in_pages(catalog: SqlCatalog) -> None:
    async with catalog.reading() as tx:
        first, after = await tx.files.hashes(SYSTEM, after=None, limit=1)
        second, last = await tx.files.hashes(SYSTEM, after=after, limit=5)

        assert (first, second) == (["0" * 64], ["0" * 64])
        assert await tx.files.hashes(SYSTEM, after=last, limit=5) == ([], None)
        assert await tx.files.hashes(STRANGER, after=None, limit=5) == ([], None)


async def test_only_files_of_the_tenant_use_a_hash(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        assert await tx.files.unused(SYSTEM, ["0" * 64, "1" * 64], hold=True) == {"1" * 64}
        assert await tx.files.unused(STRANGER, ["0" * 64], hold=False) == {"0" * 64}


async def test_no_file_is_added_while_unused_hashes_are_held(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.files.unused(SYSTEM, ["1" * 64], hold=True)
        adding = asyncio.create_task(upload(catalog, "late"))
        await asyncio.sleep(0.2)
        assert not adding.done()
    await adding
