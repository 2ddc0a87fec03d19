from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.drafts import DraftChange, wanted_members
from rag_service.domain.ids import DocumentId
from rag_service.domain.versions import Member, difference

documents = st.sampled_from(["a", "b", "c", "d"]).map(DocumentId)
members = st.dictionaries(documents, st.integers(1, 3)).map(
    lambda revisions: frozenset(Member(document_id=key, revision=number) for key, number in revisions.items())
)
changes = st.lists(
    st.builds(DraftChange, document_id=documents, revision=st.none() | st.integers(1, 5)),
    unique_by=lambda change: change.document_id,
)


@given(members, members)
def test_the_difference_leads_from_the_highest_version_to_the_wanted_one(highest, wanted):
    step = difference(highest, wanted)

    assert (highest - step.died) | step.born == wanted
    assert not step.born & highest


@given(members, changes)
def test_a_version_has_at_most_one_revision_of_a_document(published, draft):
    wanted = wanted_members(published, draft)

    assert len({member.document_id for member in wanted}) == len(wanted)


@given(members, changes)
def test_documents_without_a_change_stay_as_they_are(published, draft):
    changed = {change.document_id for change in draft}

    wanted = wanted_members(published, draft)

    kept = {member for member in published if member.document_id not in changed}
    assert kept == {member for member in wanted if member.document_id not in changed}


def test_after_a_rollback_what_the_abandoned_version_brought_dies_and_what_it_removed_is_born_again():
    first = Member(document_id=DocumentId("a"), revision=1)
    abandoned = Member(document_id=DocumentId("a"), revision=2)

    step = difference(highest=[abandoned], wanted=wanted_members([first], []))

    assert step.born == {first}
    assert step.died == {abandoned}
