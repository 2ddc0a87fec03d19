"""Builds of a corpus in the catalog: their rows, what the law of points asks of each, and what brings one further."""

from dataclasses import replace

import numpy as np
import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import AccessScope
from rag_service.domain.builds import Build, BuildState, Membership
from rag_service.domain.drafts import Draft
from rag_service.domain.ids import CorpusId, DocumentId, Fingerprint, chunk_id
from rag_service.domain.versions import OPEN, Version
from rag_service.errors import Conflict, NotFound, SlotTaken
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    FINGERPRINT,
    FREQUENCIES,
    START,
    STRANGER,
    SYSTEM,
    THEIRS,
    add_corpus,
    build,
    change_set,
    chunk,
    corpus,
    held_draft,
    member,
    prepare,
    preview,
    publish,
    remove,
    seal,
    seal_in,
    upload,
)

NEWER = Fingerprint("n" * 32)


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    """Version 1 has a and b, version 2 another revision of a and no b."""
    await add_corpus(catalog)
    await publish(catalog, "a", "b")
    await upload(catalog, "a", 2)
    await prepare(catalog, "a", 2)
    await seal(catalog, await remove(catalog, "b"))
    return catalog


def filling(**changes: object) -> Build:
    return replace(build(NEWER, state=BuildState.FILLING, since=2, synced=2, total=1), **changes)


async def add_filling(catalog: SqlCatalog, **changes: object) -> None:
    async with catalog.writing() as tx:
        await tx.builds.add(SYSTEM, filling(**changes))


async def rechunk(catalog: SqlCatalog, name: str, number: int = 1) -> None:
    made = replace(chunk(name, number), id=chunk_id(NEWER, DocumentId(f"doc_{name}"), number, 0))
    async with catalog.writing() as tx:
        await tx.chunks.replace(SYSTEM, NEWER, {member(name, number): [made]})


async def points(catalog: SqlCatalog, fingerprint: Fingerprint) -> set[tuple[DocumentId, int, int, int]]:
    async with catalog.reading() as tx:
        found, _ = await tx.points.page(SYSTEM, CORPUS, fingerprint, after=None, limit=100)
        assert await tx.points.count(SYSTEM, CORPUS, fingerprint) == len(found)
    return {(one.member.document_id, one.member.revision, one.born, one.died) for one in found}


async def get(catalog: SqlCatalog, fingerprint: Fingerprint = FINGERPRINT) -> Build:
    async with catalog.reading() as tx:
        return await tx.builds.get(SYSTEM, CORPUS, fingerprint)


async def test_a_build_comes_back_as_it_was_added(catalog: SqlCatalog) -> None:
    await add_filling(catalog)

    assert await get(catalog, NEWER) == filling()
    async with catalog.reading() as tx:
        assert [one.fingerprint for one in await tx.builds.list(SYSTEM, CORPUS)] == [FINGERPRINT, NEWER]


async def test_a_corpus_has_a_build_once(catalog: SqlCatalog) -> None:
    with pytest.raises(Conflict):
        async with catalog.writing() as tx:
            await tx.builds.add(SYSTEM, build())


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE], ids=["another tenant", "another corpus"])
async def test_builds_outside_the_scope_are_not_found(catalog: SqlCatalog, scope: AccessScope) -> None:
    async with catalog.writing() as tx:
        builds = tx.builds
        for call in (
            builds.add(scope, filling()),
            builds.get(scope, CORPUS, FINGERPRINT),
            builds.list(scope, CORPUS),
            builds.start_filling(scope, CORPUS, FINGERPRINT),
            builds.advance(scope, CORPUS, FINGERPRINT, filled_to=DocumentId("x"), done=1),
            builds.finish_filling(scope, CORPUS, FINGERPRINT, synced=1, frequencies=FREQUENCIES),
            builds.adopt(scope, CORPUS, FINGERPRINT),
            builds.last_published(scope, CORPUS),
            builds.members_after(scope, CORPUS, 1, after=None, limit=1),
            builds.changed_between(scope, CORPUS, after=0, up_to=1),
        ):
            with pytest.raises(NotFound):
                await call


async def test_corpora_that_were_never_under_a_build_are_listed_of_all_tenants(catalog: SqlCatalog) -> None:
    async with catalog.writing() as tx:
        await tx.corpora.add(STRANGER, replace(corpus("other"), tenant_id=THEIRS))
        await tx.corpora.add(SYSTEM, replace(corpus("newer"), fingerprint=NEWER))
        lacking = [one.id for one in await tx.builds.lacking(NEWER)]
        await tx.builds.add(SYSTEM, filling())

        assert lacking == [CORPUS, "vs_other"]
        assert [one.id for one in await tx.builds.lacking(NEWER)] == ["vs_other"]


async def test_filling_goes_on_where_it_was(catalog: SqlCatalog) -> None:
    await add_filling(catalog)
    async with catalog.writing() as tx:
        await tx.builds.advance(SYSTEM, CORPUS, NEWER, filled_to=DocumentId("doc_a"), done=1)

    found = await get(catalog, NEWER)

    assert (found.state, found.filled_to, found.done) == (BuildState.FILLING, "doc_a", 1)


async def test_a_build_that_is_full_is_ready_and_has_the_frequencies_of_its_version(catalog: SqlCatalog) -> None:
    await add_filling(catalog)
    async with catalog.writing() as tx:
        for _ in range(2):
            await tx.builds.finish_filling(SYSTEM, CORPUS, NEWER, synced=2, frequencies=FREQUENCIES)

        table = await tx.versions.frequencies(SYSTEM, CORPUS, 2, NEWER)
        assert table is not None and np.array_equal(table.counts, FREQUENCIES.counts)
        assert (await tx.builds.get(SYSTEM, CORPUS, NEWER)).state is BuildState.READY


async def test_frequencies_of_a_version_that_is_not_there_are_not_kept(catalog: SqlCatalog) -> None:
    await add_filling(catalog)
    async with catalog.writing() as tx:
        await tx.builds.finish_filling(SYSTEM, CORPUS, NEWER, synced=9, frequencies=FREQUENCIES)

        assert await tx.versions.frequencies(SYSTEM, CORPUS, 9, NEWER) is None


async def test_a_build_has_what_is_visible_from_where_it_began(catalog: SqlCatalog) -> None:
    await add_filling(catalog)
    for name, number in (("a", 1), ("a", 2), ("b", 1)):
        await rechunk(catalog, name, number)

    assert await points(catalog, NEWER) == {("doc_a", 2, 2, OPEN)}
    assert await points(catalog, FINGERPRINT) == {("doc_a", 1, 1, 2), ("doc_b", 1, 1, 2), ("doc_a", 2, 2, OPEN)}


async def test_what_came_after_its_last_version_is_not_asked_of_a_build(catalog: SqlCatalog) -> None:
    await add_filling(catalog, since=1, synced=1)
    for name, number in (("a", 1), ("a", 2), ("b", 1)):
        await rechunk(catalog, name, number)

    assert await points(catalog, NEWER) == {("doc_a", 1, 1, OPEN), ("doc_b", 1, 1, OPEN)}


async def test_a_document_may_have_points_in_every_build(catalog: SqlCatalog) -> None:
    await add_filling(catalog)
    await rechunk(catalog, "a", 2)

    async with catalog.reading() as tx:
        found = await tx.points.of_documents(SYSTEM, [DocumentId("doc_a")])

    assert {name: {one.member.revision for one in of_build} for name, of_build in found.items()} == {
        FINGERPRINT: {1, 2},
        NEWER: {2},
    }


async def test_members_are_listed_by_document(catalog: SqlCatalog) -> None:
    async with catalog.reading() as tx:
        first = await tx.builds.members_after(SYSTEM, CORPUS, 1, after=None, limit=1)
        second = await tx.builds.members_after(SYSTEM, CORPUS, 1, after="doc_a", limit=5)

    assert first == [Membership(member=member("a"), born=1, died=2)]
    assert second == [Membership(member=member("b"), born=1, died=2)]


async def test_what_changed_between_two_versions_is_known_with_when(catalog: SqlCatalog) -> None:
    async with catalog.reading() as tx:
        since_first = await tx.builds.changed_between(SYSTEM, CORPUS, after=1, up_to=2)
        since_ever = await tx.builds.changed_between(SYSTEM, CORPUS, after=0, up_to=1)

    assert {(one.member, one.born, one.died) for one in since_first} == {
        (member("a", 2), 2, OPEN),
        (member("a"), 1, 2),
        (member("b"), 1, 2),
    }
    assert {(one.member, one.known_at(1).died) for one in since_ever} == {(member("a"), OPEN), (member("b"), OPEN)}


async def test_revisions_without_chunks_under_a_build_are_named(catalog: SqlCatalog) -> None:
    await rechunk(catalog, "a", 2)

    async with catalog.reading() as tx:
        missing = await tx.builds.without_chunks(SYSTEM, NEWER, [member("b"), member("a", 2), member("a")])

    assert missing == [member("a"), member("b")]


async def test_the_last_version_that_people_could_ask_is_no_preview(catalog: SqlCatalog) -> None:
    await upload(catalog, "c")
    await prepare(catalog, "c")
    async with catalog.writing() as tx:
        draft = await tx.drafts.automatic(SYSTEM, CORPUS, START)
        assert (await seal_in(tx, draft.id)).number == 3

        assert await tx.builds.last_published(SYSTEM, CORPUS) == 2


async def test_a_seal_brings_the_build_to_its_number_and_an_unseal_takes_that_back(catalog: SqlCatalog) -> None:
    await upload(catalog, "c")
    await prepare(catalog, "c")
    async with catalog.writing() as tx:
        draft = await tx.drafts.automatic(SYSTEM, CORPUS, START)
    await preview(catalog, draft.id)
    sealed = await get(catalog)

    async with catalog.writing() as tx:
        await tx.drafts.start_unsealing(SYSTEM, draft.id)
        opened = await tx.drafts.finish_unsealing(SYSTEM, draft.id)

    assert (sealed.synced, (await get(catalog)).synced, opened.fingerprint) == (3, 2, None)


async def test_an_unseal_leaves_a_build_behind_that_was_not_brought_up_to_date(catalog: SqlCatalog) -> None:
    await add_filling(catalog, since=1, synced=1)
    draft = await rebuild_draft(catalog)
    async with catalog.writing() as tx:
        await tx.drafts.start_sealing(SYSTEM, draft.id, START)
        await tx.drafts.start_unsealing(SYSTEM, draft.id)
        await tx.drafts.finish_unsealing(SYSTEM, draft.id)

    found = await get(catalog, NEWER)

    assert (found.synced, found.state) == (1, BuildState.READY)


async def rebuild_draft(catalog: SqlCatalog) -> Draft:
    draft = replace(held_draft("rebuild", base=2), wanted_fingerprint=NEWER)
    async with catalog.writing() as tx:
        await tx.drafts.add(SYSTEM, draft)
    return draft


async def sealed_under_newer(catalog: SqlCatalog) -> Version:
    await add_filling(catalog)
    draft = await rebuild_draft(catalog)
    async with catalog.writing() as tx:
        return await seal_in(tx, draft.id)


async def test_a_draft_without_changes_can_be_sealed_under_the_build_it_wants(catalog: SqlCatalog) -> None:
    version = await sealed_under_newer(catalog)

    async with catalog.reading() as tx:
        assert (await tx.drafts.get(SYSTEM, version.draft_id)).fingerprint == NEWER
        assert (await tx.versions.get(SYSTEM, CORPUS, 3)).fingerprint == NEWER
        assert await tx.versions.frequencies(SYSTEM, CORPUS, 3, NEWER) is not None
        assert (await tx.corpora.get(SYSTEM, CORPUS)).fingerprint == FINGERPRINT
    assert ((await get(catalog, NEWER)).synced, (await get(catalog)).synced) == (3, 2)


async def test_a_publish_and_a_rollback_switch_the_build_with_the_version(catalog: SqlCatalog) -> None:
    await sealed_under_newer(catalog)
    under = []
    for number, expected in ((3, 2), (2, 3)):
        async with catalog.writing() as tx:
            await tx.corpora.publish(SYSTEM, CORPUS, number, expected=expected, now=START)
            under.append((await tx.corpora.get(SYSTEM, CORPUS)).fingerprint)

    assert under == [NEWER, FINGERPRINT]


async def test_a_draft_that_wants_a_build_that_is_not_there_takes_no_number(catalog: SqlCatalog) -> None:
    draft = await rebuild_draft(catalog)

    with pytest.raises(Conflict, match="not there any more"):
        async with catalog.writing() as tx:
            await tx.drafts.start_sealing(SYSTEM, draft.id, START)

    async with catalog.reading() as tx:
        assert (await tx.corpora.get(SYSTEM, CORPUS)).highest == 2


async def test_a_version_is_not_finished_under_another_build_than_its_draft_took(catalog: SqlCatalog) -> None:
    await add_filling(catalog)
    draft = await rebuild_draft(catalog)
    async with catalog.writing() as tx:
        version, changed = await change_set(tx, draft.id)

        other = replace(version, fingerprint=FINGERPRINT)

        with pytest.raises(Conflict):
            await tx.drafts.finish_sealing(SYSTEM, other, changed, FREQUENCIES)


async def test_a_corpus_with_a_version_cannot_only_be_switched(catalog: SqlCatalog) -> None:
    await add_filling(catalog)

    with pytest.raises(Conflict, match="has versions"):
        async with catalog.writing() as tx:
            await tx.builds.adopt(SYSTEM, CORPUS, NEWER)


async def test_an_empty_corpus_is_switched_unless_its_first_version_is_being_sealed(catalog: SqlCatalog) -> None:
    empty = CorpusId("vs_empty")
    async with catalog.writing() as tx:
        await tx.corpora.add(SYSTEM, corpus("empty"))
        await tx.builds.add(SYSTEM, build(corpus_id=empty))
        await tx.builds.add(SYSTEM, filling(corpus_id=empty, since=0, synced=0))
        await tx.builds.adopt(SYSTEM, empty, NEWER)
        switched = await tx.corpora.get(SYSTEM, empty)
        draft = replace(held_draft(), corpus_id=empty)
        await tx.drafts.add(SYSTEM, draft)
        await tx.drafts.start_sealing(SYSTEM, draft.id, START)

        with pytest.raises(SlotTaken):
            await tx.builds.adopt(SYSTEM, empty, FINGERPRINT)

    assert switched.fingerprint == NEWER
