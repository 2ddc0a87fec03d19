"""Follow-ups and small talk."""

import pytest

from rag_service.domain.answers import Message
from rag_service.domain.conversation import is_small_talk, leans_on_history, standalone_question


def turns(*questions: str) -> list[Message]:
    return [Message(role="user", content=question) for question in questions]


@pytest.mark.parametrize(
    "text", ["Hi", "hello there!", "Good morning", "What can you do?", "Hi, what can you do?", "Thanks a lot!"]
)
def test_small_talk_is_recognised(text: str) -> None:
    assert is_small_talk(text)


@pytest.mark.parametrize("text", ["Hi, how do I publish a draft?", "What can you do with a draft?", "help pages", ""])
def test_a_real_question_is_not_small_talk(text: str) -> None:
    assert not is_small_talk(text)


@pytest.mark.parametrize(
    "text",
    [
        "How is it created?",
        "And in winter?",
        "What about the second one?",
        "Why?",
        "Are those the only steps?",
        "How do I delete them?",
        "What does that mean?",
        "When did he die?",
    ],
)
def test_a_follow_up_leans_on_what_was_said(text: str) -> None:
    assert leans_on_history(text)


@pytest.mark.parametrize(
    "text",
    [
        "What is the capital of France?",
        "Which documents that people upload are kept for a year?",
        "Is there a limit on the size of uploads?",
        "When does the parliament elect its president?",
        "What happens to a document after it is deleted?",
    ],
)
def test_a_question_that_stands_alone_is_left_alone(text: str) -> None:
    assert standalone_question(turns("How do I publish a draft?", text)) == text


def test_a_follow_up_gets_the_key_terms_of_earlier_turns() -> None:
    asked = standalone_question(turns("How do I publish a draft?", "Can it be undone?"))

    assert asked == "Can it be undone? (publish draft)"


def test_the_first_question_is_never_rewritten() -> None:
    assert standalone_question(turns("Why?")) == "Why?"


def test_greetings_lend_no_terms() -> None:
    assert standalone_question(turns("Hello there", "And then?")) == "And then?"
