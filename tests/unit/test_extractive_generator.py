"""Answers made of verbatim sentences."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from rag_service.domain.answers import Passage
from rag_service.domain.units import UnitSplitter
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.generation.extractive import ExtractiveGenerator
from rag_service.ports.generator import AnswerRequest
from rag_service.ports.unit_checker import Verdict
from rag_service.verification.checker import QuoteChecker
from rag_service.verification.lexical import LexicalVerifier
from tests.faulty_parts import FaultyEmbedder, Mood
from tests.unit.answer_values import passage

TEXTS = st.lists(
    st.sampled_from(
        [
            "Drafts are open.",
            "It keeps\nall data.",
            "- An item",
            "| a | b |",
            "Port 8000 is used.",
            "See note [3].",
            'x = ask(messages=[{"content": "Which data?"}])',
            "- `a_b`: It is open. Close it.",
            "What is read:",
            "这是一句。",
        ]
    ),
    min_size=1,
    max_size=6,
).map("\n\n".join)


async def answer(question: str, passages: Sequence[Passage], max_sentences: int = 4) -> str:
    generator = ExtractiveGenerator(HashingEmbedder(), max_sentences=max_sentences)
    request = AnswerRequest(question=question, history=(), passages=passages, max_tokens=100)
    return "".join([fragment.text async for fragment in generator.generate(request)])


async def test_where_the_embedder_is_down_words_choose_the_sentence() -> None:
    embedder = FaultyEmbedder(HashingEmbedder())
    embedder.mood = Mood.REFUSING
    passages = [passage(1, "A draft is published. The service starts on port 8000. Its data is in one folder.")]
    request = AnswerRequest(
        question="Which port does the service start on?", history=(), passages=passages, max_tokens=9, by_words=True
    )

    written = [fragment.text async for fragment in ExtractiveGenerator(embedder, max_sentences=1).generate(request)]

    assert written == ["The service starts on port 8000. [1]"]


async def test_the_sentence_that_answers_is_quoted_with_its_mark() -> None:
    passages = [
        passage(1, "A draft is published by one update. Nobody sees a draft before."),
        passage(2, "The service starts on port 8000. Its data is in one folder."),
    ]

    assert await answer("Which port does the service start on?", passages) == "The service starts on port 8000. [2]"


async def test_the_row_of_a_table_that_answers_is_quoted_alone() -> None:
    rows = "ware | price in euros\n" + "\n".join(f"green tea of lot {lot} | {lot * 10}" for lot in range(20, 60))

    assert (
        await answer("What is the price of green tea of lot 37?", [passage(1, rows)]) == "green tea of lot 37 | 370 [1]"
    )


async def test_a_sentence_that_begins_with_a_pronoun_brings_the_one_before_it() -> None:
    passages = [passage(1, "The index host owns the folder. It answers searches over a Unix socket.")]

    text = await answer("What answers searches over a Unix socket?", passages, max_sentences=1)

    assert text == "The index host owns the folder. [1] It answers searches over a Unix socket. [1]"


async def test_the_same_sentence_in_two_passages_is_written_once() -> None:
    same = "Old versions are kept for thirty days."

    text = await answer("How long are old versions kept?", [passage(1, same), passage(2, same)])

    assert text == f"{same} [1]"


async def test_list_items_stay_on_their_own_lines() -> None:
    passages = [passage(1, "Formats that are read:\n\n- PDF files are read\n- DOCX files are read")]

    text = await answer("Which files are read?", passages)

    assert "- PDF files are read [1]\n- DOCX files are read [1]" in text


async def test_a_list_item_alone_is_written_as_sentences() -> None:
    passages = [
        passage(1, "- `needs_password`: The file is protected. Remove the protection.\n- `empty`: It is empty.")
    ]

    text = await answer("What if the file is protected?", passages, max_sentences=1)

    assert text == "`needs_password`: The file is protected. [1] Remove the protection. [1]"


async def test_a_lead_brings_its_list() -> None:
    passages = [passage(1, "You can upload files in these formats:\n\n* PDF\n* DOCX\n\nNothing else is read here.")]

    text = await answer("Which formats can you upload files in?", passages, max_sentences=1)

    assert text == "You can upload files in these formats: [1]\n- PDF [1]\n- DOCX [1]"


async def test_a_sentence_is_preferred_to_an_item_that_says_the_same() -> None:
    passages = [
        passage(1, "- LINK_MINUTES is how long a link is valid: 60."),
        passage(2, "A link is valid for 60 minutes."),
    ]

    assert await answer("How long is a link valid?", passages, max_sentences=1) == "A link is valid for 60 minutes. [2]"


async def test_program_text_questions_and_headings_are_not_quoted() -> None:
    code = 'answer = ask(messages=[{"content": "Which formats can I upload?"}])'
    texts = ["Formats to upload", code, "Which formats can I upload?", "PDF and DOCX formats can be used."]

    text = await answer("Which formats can I upload?", [passage(1, "\n\n".join(texts))])

    assert text == "PDF and DOCX formats can be used. [1]"


async def test_without_passages_nothing_is_written() -> None:
    assert await answer("Anything?", []) == ""


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=3))
async def test_every_unit_it_writes_is_verbatim_and_verified(texts: list[str]) -> None:
    passages = [passage(rank, text) for rank, text in enumerate(texts, start=1)]
    splitter = UnitSplitter()
    units = [*splitter.feed(await answer("Which data is open on the port?", passages)), *splitter.finish()]

    checker = QuoteChecker(LexicalVerifier(), threshold=1.0)
    verdicts = [(await checker.check(unit, question="?", passages=passages)).verdict for unit in units]

    assert set(verdicts) == {Verdict.SUPPORTED}
