"""Which version, draft or label a search asks, and who may."""

from dataclasses import replace

import pytest

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.drafts import DraftState
from rag_service.domain.ids import CorpusId, Fingerprint, TenantId
from rag_service.errors import Conflict, NotFound
from rag_service.use_cases.search import Search
from rag_service.use_cases.searching.options import SearchOptions
from tests.unit.shelf import (
    ALL,
    BUILD,
    CORPUS,
    HISTORIAN,
    PUBLISHER,
    READER,
    TEXTS,
    Shelf,
    draft,
    search,
    search_over,
    shelf,
)

__all__ = ["search", "shelf"]


async def test_an_old_version_shows_what_it_held(search: Search) -> None:
    found = await search(HISTORIAN, corpus="handbook@1", query="dogs and cats", options=SearchOptions(limit=5))

    assert found.pinned.number == 1
    assert [one.text for one in found.passages] == [TEXTS[0]]


async def test_the_published_version_may_be_named_by_all(search: Search) -> None:
    assert (await search.pin(READER, "handbook@2")).number == 2
    assert (await search.pin(READER, "vs_1")).number == 2


@pytest.mark.parametrize("ref", ["other", "handbook@", "@2", "handbook@two", "handbook@²", "handbook@" + "9" * 5000])
async def test_what_names_no_corpus_is_not_found(search: Search, ref: str) -> None:
    with pytest.raises(NotFound):
        await search.pin(HISTORIAN, ref)


async def test_a_forbidden_version_looks_like_an_absent_one(search: Search) -> None:
    with pytest.raises(NotFound) as forbidden:
        await search.pin(READER, "handbook@1")
    with pytest.raises(NotFound) as absent:
        await search.pin(HISTORIAN, "handbook@4")

    assert str(forbidden.value).replace("1", "4") == str(absent.value)


@pytest.mark.parametrize(("ref", "number"), [("draft", 3), ("3", 3), ("new", 2)])
async def test_the_sealed_draft_is_asked_by_those_who_may_publish(search: Search, ref: str, number: int) -> None:
    assert (await search.pin(PUBLISHER, f"handbook@{ref}")).number == number


@pytest.mark.parametrize("ref", ["draft", "3"])
async def test_a_draft_needs_more_than_the_right_to_history(search: Search, ref: str) -> None:
    with pytest.raises(NotFound, match=f"No such version: {ref}"):
        await search.pin(HISTORIAN, f"handbook@{ref}")


@pytest.mark.parametrize("state", [DraftState.SEALING, DraftState.UNSEALING])
@pytest.mark.parametrize("ref", ["draft", "3"])
async def test_a_draft_is_asked_only_while_it_is_sealed(
    search: Search, shelf: Shelf, ref: str, state: DraftState
) -> None:
    shelf.versions.slot = draft(state)

    with pytest.raises(NotFound):
        await search.pin(PUBLISHER, f"handbook@{ref}")


async def test_a_label_stands_for_its_version_and_needs_the_same_right(search: Search) -> None:
    assert (await search.pin(HISTORIAN, "handbook@old")).number == 1
    assert (await search.pin(READER, "handbook@new")).number == 2
    with pytest.raises(NotFound, match="No such version: old"):
        await search.pin(READER, "handbook@old")


@pytest.mark.parametrize(
    "scope",
    [
        replace(READER, permissions=frozenset({Permission.UPLOAD})),
        replace(READER, corpora=frozenset({CorpusId("vs_2")})),
        replace(READER, tenant_id=TenantId("other")),
    ],
)
async def test_outside_the_scope_nothing_is_found(search: Search, scope: AccessScope) -> None:
    with pytest.raises(NotFound):
        await search(scope, corpus="handbook", query="cats", options=SearchOptions(limit=3))


async def test_a_corpus_without_a_version_has_no_passages() -> None:
    search = await search_over(Shelf(replace(CORPUS, published=0)))

    assert (await search(READER, corpus="handbook", query="cats", options=SearchOptions(limit=3))).passages == ()


async def test_a_build_whose_model_is_gone_is_refused_and_no_other_model_answers() -> None:
    search = await search_over(Shelf(replace(CORPUS, fingerprint=Fingerprint("older"))))

    with pytest.raises(Conflict, match="RAG_EMBEDDING__MODEL"):
        await search(READER, corpus="handbook", query="cats", options=SearchOptions(limit=3))


async def test_every_version_is_asked_under_the_build_that_it_was_sealed_under(shelf: Shelf) -> None:
    shelf.versions.fingerprint = Fingerprint("older")
    search = await search_over(shelf)

    pinned = {ref: (await search.pin(ALL, f"handbook@{ref}")).fingerprint for ref in ("1", "2", "old", "draft")}

    assert pinned == {"1": "older", "2": BUILD, "old": "older", "draft": "older"}


async def test_the_table_of_a_version_is_read_again_after_an_erasure(shelf: Shelf) -> None:
    search = await search_over(shelf)
    await search(READER, corpus="handbook", query="cats", options=SearchOptions(limit=3))
    shelf.corpus = replace(CORPUS, erasures=1)

    await search(READER, corpus="handbook", query="cats", options=SearchOptions(limit=3))

    assert shelf.versions.tables_read == 2


async def test_a_version_that_is_unsealed_meanwhile_is_not_found(shelf: Shelf) -> None:
    search = await search_over(shelf)
    pinned = await search.pin(PUBLISHER, "handbook@draft")
    shelf.versions.has_tables = False

    with pytest.raises(NotFound):
        await search.at(PUBLISHER, pinned, "cats", SearchOptions(limit=3))


async def test_the_frequencies_of_a_version_are_read_once(search: Search, shelf: Shelf) -> None:
    for query in ("cats", "dogs"):
        await search(READER, corpus="handbook", query=query, options=SearchOptions(limit=3))

    assert shelf.versions.tables_read == 1
