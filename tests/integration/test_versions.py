"""Reading versions: lists, labels, notes, what was published when, and what differs."""

from dataclasses import replace

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.differences import VersionDiff
from rag_service.domain.drafts import SealPurpose
from rag_service.domain.ids import DocumentId
from rag_service.domain.pages import PageRequest
from rag_service.errors import Conflict, InvalidRequest, NotFound
from tests.integration.desk import DOCUMENTS, Desk

GREEN = "Apples are green."


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    """Version 1 has three documents; version 2 changed one, removed one and added one."""
    desk = Desk(worker=worker, admin=admin)
    await worker.container.create_corpus(admin, name=desk.corpus)
    await desk.publish(DOCUMENTS)
    draft = await desk.hold(uploads={"a": GREEN, "d": "Dates are sweet."}, removals=("b",))
    await desk.seal(draft, SealPurpose.PUBLISH)
    return desk


async def test_a_diff_names_what_was_added_removed_and_changed(desk: Desk) -> None:
    diff = await _diff(desk, 1, 2)

    assert [[one.key for one in part] for part in (diff.added, diff.removed, diff.changed)] == [["d"], ["b"], ["a"]]
    assert (diff.changed[0].revision_before, diff.changed[0].revision_after) == (1, 2)
    assert (diff.chunks_added, diff.chunks_removed, diff.chunks_kept) == (2, 2, 0)
    assert diff.tokens_added == diff.tokens_removed == 6


async def test_a_diff_backwards_swaps_what_was_added_and_removed(desk: Desk) -> None:
    there, back = await _diff(desk, 1, 2), await _diff(desk, 2, 1)

    assert [one.key for one in back.added] == [one.key for one in there.removed]
    assert back.tokens_removed == there.tokens_added


async def test_before_the_first_version_there_was_nothing(desk: Desk) -> None:
    diff = await _diff(desk, 0, 1)

    assert [one.key for one in diff.added] == ["a", "b", "c"]
    assert diff.removed == diff.changed == ()


async def test_a_diff_of_texts_tells_the_words_that_changed(desk: Desk) -> None:
    document_id = (await _diff(desk, 1, 2)).changed[0].document_id

    difference = await desk.worker.container.versions.text_diff(
        desk.admin, corpus=desk.corpus, before=1, after=2, document_id=document_id
    )

    [hunk] = difference.hunks
    assert difference.document.key == "a"
    assert [(run.kind.value, run.text) for run in hunk.runs] == [
        ("kept", "Apples are "),
        ("removed", "red."),
        ("added", "green."),
    ]


async def test_a_removed_document_loses_all_its_text(desk: Desk) -> None:
    document_id = (await _diff(desk, 1, 2)).removed[0].document_id

    difference = await desk.worker.container.versions.text_diff(
        desk.admin, corpus=desk.corpus, before=1, after=2, document_id=document_id
    )

    assert [(hunk.removed, hunk.added) for hunk in difference.hunks] == [(DOCUMENTS["b"], "")]


async def test_a_document_in_neither_version_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await desk.worker.container.versions.text_diff(
            desk.admin, corpus=desk.corpus, before=1, after=2, document_id=DocumentId("doc_none")
        )


async def test_a_diff_is_silent_about_documents_that_the_caller_may_not_see(desk: Desk) -> None:
    outsider = replace(desk.admin, principals=frozenset({"nobody"}))

    diff = await desk.worker.container.versions.diff(outsider, corpus=desk.corpus, before=1, after=2)

    assert diff == VersionDiff(
        before=1,
        after=2,
        added=(),
        removed=(),
        changed=(),
        chunks_added=0,
        chunks_removed=0,
        chunks_kept=0,
        tokens_added=0,
        tokens_removed=0,
    )


async def test_versions_are_listed_newest_first_with_their_labels(desk: Desk) -> None:
    await desk.worker.container.curate_versions.label(desk.admin, corpus=desk.corpus, label="stable", number=1)

    page = await desk.worker.container.versions.list(desk.admin, corpus=desk.corpus, page=PageRequest())

    assert [(one.version.number, one.labels, one.is_published) for one in page.items] == [
        (2, (), True),
        (1, ("stable",), False),
    ]


@pytest.mark.parametrize("limit", [1, 2, 20])
async def test_the_version_of_a_draft_is_listed_for_those_who_may_publish_only(desk: Desk, limit: int) -> None:
    await desk.seal(await desk.hold(uploads={"a": "Apples are blue."}), SealPurpose.PREVIEW)
    historian = replace(desk.admin, permissions=frozenset({Permission.HISTORY}))
    publisher = replace(desk.admin, permissions=frozenset({Permission.PUBLISH}))

    assert await _listed(desk, historian, limit) == [2, 1]
    assert await _listed(desk, publisher, limit) == [3, 2, 1]
    with pytest.raises(NotFound):
        await desk.worker.container.versions.diff(historian, corpus=desk.corpus, before=2, after=3)


async def test_a_label_is_asked_after_the_at_and_moves_to_another_version(desk: Desk) -> None:
    curate = desk.worker.container.curate_versions
    await curate.label(desk.admin, corpus=desk.corpus, label="stable", number=1)
    assert DOCUMENTS["a"] in await desk.texts(at="stable")

    await curate.label(desk.admin, corpus=desk.corpus, label="stable", number=2)

    assert GREEN in await desk.texts(at="stable")


@pytest.mark.parametrize("label", ["12", "draft", "a@b", ""])
async def test_a_label_that_would_mean_something_else_is_refused(desk: Desk, label: str) -> None:
    with pytest.raises(InvalidRequest):
        await desk.worker.container.curate_versions.label(desk.admin, corpus=desk.corpus, label=label, number=1)


async def test_a_draft_gets_no_label_because_its_number_may_be_given_up(desk: Desk) -> None:
    await desk.seal(await desk.hold(uploads={"a": "Apples are blue."}), SealPurpose.PREVIEW)

    with pytest.raises(Conflict):
        await desk.worker.container.curate_versions.label(desk.admin, corpus=desk.corpus, label="next", number=3)


async def test_notes_of_a_version_can_be_replaced(desk: Desk) -> None:
    await desk.worker.container.curate_versions.annotate(
        desk.admin, corpus=desk.corpus, number=1, notes="The first harvest."
    )

    found = await desk.worker.container.versions.get(desk.admin, corpus=desk.corpus, number=1)
    assert found.version.notes == "The first harvest."


async def test_the_log_tells_who_published_what_after_what(desk: Desk) -> None:
    await desk.roll_back(1)

    page = await desk.worker.container.versions.publications(desk.admin, corpus=desk.corpus, page=PageRequest())

    assert [(one.number, one.previous, one.key_id) for one in page.items] == [
        (1, 2, desk.admin.key_id),
        (2, 1, desk.admin.key_id),
        (1, 0, None),
    ]


@pytest.mark.parametrize("permission", [Permission.CHAT, Permission.UPLOAD])
async def test_reading_and_curating_versions_is_not_for_everyone(desk: Desk, permission: Permission) -> None:
    scope = replace(desk.admin, permissions=frozenset({permission}))
    parts = desk.worker.container

    for refused in (
        parts.versions.list(scope, corpus=desk.corpus, page=PageRequest()),
        parts.versions.diff(scope, corpus=desk.corpus, before=1, after=2),
        parts.curate_versions.label(scope, corpus=desk.corpus, label="stable", number=1),
        parts.publish(scope, corpus=desk.corpus, number=1),
        parts.drafts.list(scope, corpus=desk.corpus),
    ):
        with pytest.raises(NotFound):
            await refused


async def _diff(desk: Desk, before: int, after: int) -> VersionDiff:
    return await desk.worker.container.versions.diff(desk.admin, corpus=desk.corpus, before=before, after=after)


async def _listed(desk: Desk, scope: AccessScope, limit: int) -> list[int]:
    numbers: list[int] = []
    has_more = True
    while has_more:
        request = PageRequest(limit=limit, after=str(numbers[-1]) if numbers else None)
        page = await desk.worker.container.versions.list(scope, corpus=desk.corpus, page=request)
        numbers += [one.version.number for one in page.items]
        has_more = page.has_more
    return numbers
