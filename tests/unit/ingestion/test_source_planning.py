"""What a run does: planned by a pure function."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ingestion.connectors.port import Item
from ingestion.sources.planning import Plan, plan, resumed, with_what_was_taken_back
from rag_service.domain.ids import DocumentId
from rag_service.domain.sync import BRINGING, ChangeKind, ChangeState, RunCounts, SourceChange, SourceItem
from rag_service.domain.versions import Member

KEYS = st.sampled_from([f"{letter}.md" for letter in "abcdefgh"])


def item(key: str, revision: str = "1", content_id: str | None = None) -> Item:
    return Item(key=key, filename=key, revision=revision, content_id=content_id)


def known(key: str, revision: str = "1", content_id: str | None = None) -> SourceItem:
    return SourceItem(
        key=key,
        revision=revision,
        content_id=content_id,
        size_bytes=None,
        document_id=DocumentId(f"doc_{key}"),
        number=1,
    )


def planned(
    listed: list[Item], before: list[SourceItem], *, barred: frozenset[str] = frozenset(), usable: bool = True
) -> Plan:
    return plan(listed, {one.key: one for one in before}, is_barred=barred.__contains__, is_usable=lambda _: usable)


def kinds(made: Plan) -> dict[str, str]:
    return {change.key: change.kind.value for change in made.changes}


def applied(before: dict[str, SourceItem], made: Plan) -> dict[str, str]:
    """Return the revisions by key after everything in the plan was done."""
    after = {key: one.revision for key, one in before.items()}
    for change in made.changes:
        if change.kind in BRINGING:
            after[change.key] = change.revision
        else:
            del after[change.key]
    return after


listings = st.dictionaries(KEYS, st.tuples(st.sampled_from("123"), st.sampled_from(["x", "y", None])))


@given(listings, listings)
def test_applying_a_plan_gives_the_listing(
    listed: dict[str, tuple[str, str | None]], earlier: dict[str, tuple[str, str | None]]
) -> None:
    before = {key: known(key, *rest) for key, rest in earlier.items()}

    made = planned([item(key, *rest) for key, rest in listed.items()], list(before.values()))

    assert applied(before, made) == {key: revision for key, (revision, _) in listed.items()}
    assert made.unchanged == len(listed) - sum(change.kind in BRINGING for change in made.changes)


@given(listings, listings)
def test_every_renamed_item_left_one_place_with_the_same_content(
    listed: dict[str, tuple[str, str | None]], earlier: dict[str, tuple[str, str | None]]
) -> None:
    made = planned(
        [item(key, *rest) for key, rest in listed.items()], [known(key, *rest) for key, rest in earlier.items()]
    )

    renamed = [change for change in made.changes if change.kind is ChangeKind.RENAMED]
    left = {change.key: change.content_id for change in made.changes if change.kind is ChangeKind.LEFT}
    assert {change.renamed_from: change.content_id for change in renamed} == left
    assert len(renamed) == len(left)


def test_new_changed_and_deleted_items_are_told_apart() -> None:
    made = planned([item("a", "2"), item("b"), item("c")], [known("a"), known("b"), known("d")])

    assert kinds(made) == {"a": "changed", "c": "new", "d": "deleted"}
    assert made.counts == RunCounts(new=1, changed=1, deleted=1, unchanged=1)


def test_the_same_content_elsewhere_is_a_rename() -> None:
    made = planned([item("new", content_id="x")], [known("old", content_id="x")])

    assert kinds(made) == {"new": "renamed", "old": "left"}
    assert made.changes[0].renamed_from == "old"
    assert made.counts == RunCounts(renamed=1)


def test_a_copy_of_what_is_still_there_is_new() -> None:
    made = planned([item("a", content_id="x"), item("b", content_id="x")], [known("a", content_id="x")])

    assert kinds(made) == {"b": "new"}


def test_what_was_erased_stays_out_and_is_not_named() -> None:
    made = planned([item("a"), item("b")], [], barred=frozenset({"a"}))

    assert kinds(made) == {"b": "new"}
    assert made.counts == RunCounts(new=1, erased=1)


def test_what_was_uploaded_again_after_its_erasure_and_is_known_is_kept_up_to_date() -> None:
    assert kinds(planned([item("a", "2")], [known("a")], barred=frozenset({"a"}))) == {"a": "changed"}


def test_a_key_that_cannot_be_kept_is_only_counted() -> None:
    assert planned([item("a")], [], usable=False).counts == RunCounts(unusable=1)


def test_deleting_more_than_half_of_many_is_too_much() -> None:
    many = [known(f"{number}.md") for number in range(30)]

    assert planned([item(one.key) for one in many[:14]], many).deletes_too_much
    assert not planned([item(one.key) for one in many[:15]], many).deletes_too_much
    assert not planned([], many[:20]).deletes_too_much


def test_renaming_everything_is_not_too_much() -> None:
    many = [known(f"{number}.md", content_id=f"{number}") for number in range(30)]

    made = planned([item(f"docs/{one.key}", content_id=one.content_id) for one in many], many)

    assert made.counts.renamed == 30
    assert not made.deletes_too_much


def test_with_force_what_was_taken_back_is_brought_again() -> None:
    before = {key: known(key) for key in ("as it was", "older", "gone")}
    published = {
        "as it was": Member(document_id=DocumentId("doc_as it was"), revision=1),
        "older": Member(document_id=DocumentId("doc_older"), revision=7),
        "deleted": Member(document_id=DocumentId("doc_deleted"), revision=1),
    }

    made = plan(
        [item("as it was"), item("older"), item("gone")],
        with_what_was_taken_back(before, published),
        is_barred=lambda _: False,
        is_usable=lambda _: True,
    )

    assert kinds(made) == {"older": "changed", "gone": "changed", "deleted": "deleted"}


def test_a_plan_made_anew_keeps_what_is_done() -> None:
    changes = planned([item("a"), item("b"), item("c")], []).changes
    done = [replace(changes[0], state=ChangeState.DONE), replace(changes[1], state=ChangeState.FAILED)]

    again = resumed(changes, done)

    assert [change.state for change in again.changes] == [ChangeState.DONE, ChangeState.PLANNED, ChangeState.PLANNED]
    assert [change.key for change in again.to_do] == ["b", "c"]
    assert (again.done, again.outdated) == ({"a"}, set())


def test_what_was_done_and_has_changed_since_is_done_again() -> None:
    changes = planned([item("a", "2")], []).changes
    done = SourceChange(key="a", kind=ChangeKind.NEW, revision="1", state=ChangeState.DONE)

    again = resumed(changes, [done])

    assert (list(again.to_do), again.outdated) == (list(changes), {"a"})
