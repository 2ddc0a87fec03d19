from hypothesis import given
from hypothesis import strategies as st

from rag_service.domain.text_differences import Hunk, RunKind, WordRun, apply, text_diff

paragraph = st.lists(st.sampled_from(["cats", "sleep", "dogs", "bark", "at", "\n"]), max_size=6).map(" ".join)
text = st.lists(paragraph, max_size=8).map("\n\n".join) | st.text(alphabet="ab \n", max_size=30)


@given(text, text)
def test_the_hunks_put_into_the_old_text_make_the_new_one(old: str, new: str) -> None:
    assert apply(text_diff(old, new), old) == new


@given(text, text)
def test_the_words_of_a_hunk_make_both_of_its_sides(old: str, new: str) -> None:
    for hunk in text_diff(old, new):
        assert "".join(run.text for run in hunk.runs if run.kind is not RunKind.ADDED) == hunk.removed
        assert "".join(run.text for run in hunk.runs if run.kind is not RunKind.REMOVED) == hunk.added
        assert old.startswith(hunk.removed, hunk.start_before) and new.startswith(hunk.added, hunk.start_after)


@given(text, text)
def test_a_hunk_changes_something_and_an_unchanged_paragraph_lies_between_two(old: str, new: str) -> None:
    hunks = text_diff(old, new)

    ends = [hunk.start_before + len(hunk.removed) for hunk in hunks]
    assert all(hunk.removed != hunk.added for hunk in hunks)
    assert all(end < hunk.start_before for end, hunk in zip(ends, hunks[1:], strict=False))


@given(text)
def test_a_text_does_not_differ_from_itself(one: str) -> None:
    assert text_diff(one, one) == ()


def test_an_edited_word_is_told_word_by_word() -> None:
    [hunk] = text_diff("Intro.\n\nCats sleep all day.\n\nEnd.", "Intro.\n\nCats sleep all night.\n\nEnd.")

    assert hunk == Hunk(
        start_before=8,
        start_after=8,
        removed="Cats sleep all day.\n\n",
        added="Cats sleep all night.\n\n",
        runs=(
            WordRun(kind=RunKind.KEPT, text="Cats sleep all "),
            WordRun(kind=RunKind.REMOVED, text="day.\n\n"),
            WordRun(kind=RunKind.ADDED, text="night.\n\n"),
        ),
    )


def test_a_huge_document_is_compared_by_the_paragraphs_that_it_has_once() -> None:
    old = [f"Paragraph {place}.\n\n" for place in range(20_000)]
    new = [f"Edited {place}.\n\n" if place % 1000 == 7 else one for place, one in enumerate(old)]

    hunks = text_diff("".join(old), "".join(new))

    assert [hunk.removed for hunk in hunks] == [f"Paragraph {place}.\n\n" for place in range(7, 20_000, 1000)]


def test_two_huge_texts_without_a_common_paragraph_are_one_hunk() -> None:
    old, new = "left " * 3000, "right " * 3000

    [hunk] = text_diff(old, new)

    assert [run.kind for run in hunk.runs] == [RunKind.REMOVED, RunKind.ADDED]
