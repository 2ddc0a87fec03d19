"""Citation marks."""

import pytest

from rag_service.domain.marks import parse_marks, written_marks


@pytest.mark.parametrize(
    ("text", "bare", "ranks"),
    [
        ("It is so. [2]", "It is so.", (2,)),
        ("It is so [1][3].", "It is so.", (1, 3)),
        ("It [1, 2] is so【4】", "It is so", (1, 2, 4)),
        ("So【3†source】. [Passage 2]", "So.", (3, 2)),
        ("Twice [1] is once [1].", "Twice is once.", (1,)),
        ("In [2020] and [a] and (1)", "In [2020] and [a] and (1)", ()),
    ],
)
def test_marks_are_taken_out_and_read(text: str, bare: str, ranks: tuple[int, ...]) -> None:
    parsed = parse_marks(text)

    assert (parsed.text, parsed.ranks) == (bare, ranks)


def test_marks_are_written_one_bracket_each() -> None:
    assert written_marks((1, 3)) == "[1][3]"
