"""What a question asks for to the letter."""

import pytest

from rag_service.domain.exact_terms import exact_terms, folded, holds


@pytest.mark.parametrize(
    ("question", "phrases"),
    [
        ("What is it?", ()),
        ('Who wrote "The  Raven"?', ("the raven",)),
        ("Was ist „Große Freiheit“ und «Le Monde»?", ("grosse freiheit", "le monde")),
        ("「東京都」とは", ("東京都",)),
        ('He asked for "less noise," and "more light."', ("less noise", "more light")),
        ('a 5" pipe and a 7" pipe', ()),
        ('an empty "" and a dotted "..."', ()),
    ],
)
def test_phrases_in_quotation_marks_are_found(question: str, phrases: tuple[str, ...]) -> None:
    assert exact_terms(question).phrases == phrases


@pytest.mark.parametrize(
    ("phrase", "text", "is_held"),
    [
        ("red fox", "A Red\nFox ran.", True),
        ("red fox", "A red foxglove.", False),
        ("cat", "Concatenate the cat.", True),
        ("cat", "Concatenate.", False),
        ("東京", "私は東京都に住む", True),
    ],
)
def test_a_phrase_is_held_whole_whatever_its_case_and_line_breaks(phrase: str, text: str, is_held: bool) -> None:
    assert holds(phrase, folded(text)) is is_held


@pytest.mark.parametrize(
    ("question", "text", "is_held"),
    [
        ("What is E-4711?", "Error e-4711: overheated", True),
        ("What is e 4711 or E4711?", "Error E-4711", True),
        ("What is E4711?", "Error E-4711", True),
        ("What is E-4711?", "Error E-47110 and XE-4711", False),
        ("Where is max_tokens set?", "the option max-tokens", True),
        ("Who is jane@example.com?", "Write to Jane@Example.com.", True),
        ("part 12-3456-78", "No. 12-3456-78", True),
        ("getUserName fails", "calls getUserName()", True),
        ("Does 10.0.0.1 answer?", "host 10.0.0.1 is up", True),
        ("Does 10.0.0.1 answer?", "host 10a0b0c1 is up", False),
    ],
)
def test_a_name_is_held_however_it_is_written(question: str, text: str, is_held: bool) -> None:
    patterns = exact_terms(question).identifiers

    assert patterns and any(pattern.search(folded(text)) for pattern in patterns) is is_held


@pytest.mark.parametrize(
    "question",
    ["When did the war of 1914 begin?", "and/or, short-lived", "Is 3.5 more than 1,000?", "What is C++?", "e.g. that"],
)
def test_plain_words_and_numbers_are_no_names(question: str) -> None:
    assert not exact_terms(question)
