"""Golden questions made by rules: what they ask, and that what they quote is there."""

from rag_service.domain.documents import Block, BlockKind, ParsedDocument
from rag_service.domain.golden import GoldQuote
from rag_service.domain.golden_content import GoldenContent, assert_asks, assert_complete
from rag_service.domain.golden_synthesis import GAP, paragraphs_of, synthesised
from rag_service.domain.spans import Span

KINDS = {"#": BlockKind.HEADING, "-": BlockKind.LIST_ITEM, "|": BlockKind.TABLE}
TEXT = (
    "# House rules",
    "# The car park",
    "The car park of the Lindenhof closes at 22:30 every evening. It opens again at 6.",
    "- The keys of the gate are kept by Marta Lindqvist in the office.",
    "# Opening",
    "The house was opened on 3 May 1997 by the mayor of the town.",
    "| 12 | 13 | 14 | 15 | 16 | 17",
)


def parsed(*paragraphs: str) -> ParsedDocument:
    blocks, text = [], ""
    for paragraph in paragraphs:
        kind = KINDS.get(paragraph[0], BlockKind.PARAGRAPH)
        shown = paragraph.removeprefix("# ")
        blocks.append(Block(span=Span(len(text), len(text) + len(shown)), kind=kind))
        text += f"{shown}\n\n"
    return ParsedDocument(text=text, blocks=tuple(blocks), title="House rules")


def made(*paragraphs: str, seed: int = 1, limit: int = 50) -> list[GoldenContent]:
    return synthesised(parsed(*(paragraphs or TEXT)), document_key="rules.md", seed=seed, limit=limit)


def asked(questions: list[GoldenContent]) -> dict[str, tuple[str, ...]]:
    return {question.messages[-1].content: question.answers for question in questions}


def test_dates_numbers_and_names_become_gaps_and_headings_questions() -> None:
    assert asked(made()) == {
        f"Which words belong in the gap: “The car park of the Lindenhof closes at {GAP} every evening.”?": ("22:30",),
        f"Which words belong in the gap: “The keys of the gate are kept by {GAP} in the office.”?": (
            "Marta Lindqvist",
        ),
        f"Which words belong in the gap: “The house was opened on {GAP} by the mayor of the town.”?": ("3 May 1997",),
        "What does “House rules” say about “The car park”?": (),
        "What does “House rules” say about “Opening”?": (),
    }


def test_paragraphs_that_tell_something_are_quotes_and_each_is_there_once() -> None:
    said = "The car park of the Lindenhof closes at 22:30 every evening."
    text = parsed("# The car park of the main building and its opening times", said, "It opens.", said, "- " + said)

    found = paragraphs_of(text, document_key="rules.md", seed=1, limit=9)

    assert found == [GoldQuote(document_key="rules.md", text=said)]


def test_the_seed_chooses_the_paragraphs() -> None:
    text = parsed(*(f"Door number {number} of the house is locked at night." for number in range(20)))

    first, again, other = (paragraphs_of(text, document_key="a", seed=seed, limit=3) for seed in (1, 1, 2))

    assert first == again != other


def test_every_question_can_be_kept_and_its_quote_is_in_the_text() -> None:
    for question in made():
        assert_asks(question)
        assert_complete(question)
        assert question.quotes[0].text in parsed(*TEXT).text


def test_the_same_seed_makes_the_same_questions_and_another_seed_others() -> None:
    assert made(seed=1, limit=2) == made(seed=1, limit=2)
    assert len({tuple(asked(made(seed=seed, limit=2))) for seed in range(5)}) > 1


def test_a_sentence_that_says_its_number_twice_has_no_gap() -> None:
    assert made("Of the 12 rooms in the house just 12 are open to guests.") == []


def test_a_sentence_that_leans_on_another_is_no_question() -> None:
    assert made("This is why the gate stays closed until 7 in the morning.") == []
