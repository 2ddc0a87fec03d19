"""What people write of a golden question, and what makes it usable."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rag_service.domain.answers import Message
from rag_service.domain.golden import GoldQuote, Origin
from rag_service.errors import InvalidRequest

MOST_CHARS = 8_000
"""Of one turn, answer, quote or note."""

MOST_ITEMS = 50
"""Turns, answers or quotes of one question."""

_MOST_REF_CHARS = 256
_ROLES = ("system", "user", "assistant")


class Written(Protocol):
    """Whatever has the content of a golden question."""

    @property
    def messages(self) -> tuple[Message, ...]: ...
    @property
    def answerable(self) -> bool: ...
    @property
    def answers(self) -> tuple[str, ...]: ...
    @property
    def quotes(self) -> tuple[GoldQuote, ...]: ...
    @property
    def note(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenContent:
    """The content of a golden question; see there."""

    messages: tuple[Message, ...]
    answerable: bool = True
    answers: tuple[str, ...] = ()
    quotes: tuple[GoldQuote, ...] = ()
    note: str = ""


def assert_asks(content: Written) -> None:
    """Raise InvalidRequest unless `content` asks something, can be kept, and expects nothing where nothing can be."""
    if not content.messages or content.messages[-1].role != "user" or not content.messages[-1].content.strip():
        raise InvalidRequest("A golden question ends with a turn of the user that says something.", param="messages")
    quoted = [text for quote in content.quotes for text in (quote.document_key, quote.text)]
    _assert_texts("messages", [message.content for message in content.messages])
    _assert_texts("answers", content.answers)
    _assert_texts("quotes", quoted, most=2 * MOST_ITEMS)
    _assert_texts("note", [content.note] if content.note else [])
    if not content.answerable and (content.answers or content.quotes):
        raise InvalidRequest("A question that cannot be answered has no answers and no quotes.", param="answerable")


def assert_complete(content: Written) -> None:
    """Raise InvalidRequest when nothing says what answer is expected: such a question can only be a proposal."""
    if content.answerable and not (content.answers or content.quotes):
        raise InvalidRequest("An answerable question needs an answer or a quote.", param="answers")


def read_golden_row(line: str | bytes) -> tuple[GoldenContent, str | None]:
    """Return the question in a line of JSON, and the id it has there.

    The line has a `question` or `messages`, and may have `answers`, a `quote` with its `document` or several `quotes`
    {document, text}, `answerable` and a `note`; other members are ignored.

    Raises:
        InvalidRequest: it has not.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest(f"not JSON ({exc}).") from exc
    if not isinstance(row, dict):
        raise InvalidRequest("not a JSON object.")
    quotes = row.get("quotes")
    if quotes is None:
        quotes = [{"document": row.get("document"), "text": row["quote"]}] if row.get("quote") else []
    content = GoldenContent(
        messages=tuple(_message(one) for one in _messages_of(row)),
        answerable=_typed(row.get("answerable", True), bool, "answerable"),
        answers=tuple(_typed(one, str, "answers") for one in _typed(row.get("answers") or [], list, "answers")),
        quotes=tuple(_quote(one) for one in _typed(quotes, list, "quotes")),
        note=_typed(row.get("note") or "", str, "note"),
    )
    return content, _ref_of(row)


def golden_row(content: Written) -> dict[str, Any]:
    """Return what `read_golden_row` reads the content from."""
    turns = [{"role": message.role, "content": message.content} for message in content.messages]
    asked = {"question": turns[0]["content"]} if len(turns) == 1 else {"messages": turns}
    return asked | {
        "answers": list(content.answers),
        "quotes": [{"document": quote.document_key, "text": quote.text} for quote in content.quotes],
        "answerable": content.answerable,
        "note": content.note,
    }


def _ref_of(row: dict[str, Any]) -> str | None:
    # An exported question that came from an answer still does: it goes when the answer is erased.
    came_from = row.get("origin_ref") if row.get("origin") in (Origin.FEEDBACK, Origin.GAP) else None
    given = came_from or row.get("id")
    if given is None:
        return None
    ref = str(given)
    if len(ref) > _MOST_REF_CHARS or not ref.isprintable():
        raise InvalidRequest(f"id: at most {_MOST_REF_CHARS} characters, none of them a control character.", param="id")
    return ref


def _messages_of(row: dict[str, Any]) -> Iterable[Any]:
    if row.get("messages") is None:
        return [{"role": "user", "content": row.get("question")}]
    return list(_typed(row["messages"], list, "messages"))


def _message(value: Any) -> Message:
    turn = _typed(value, dict, "messages")
    if turn.get("role") not in _ROLES:
        raise InvalidRequest(f"The role of a turn is one of {', '.join(_ROLES)}.", param="messages")
    return Message(role=turn["role"], content=_typed(turn.get("content"), str, "question"))


def _quote(value: Any) -> GoldQuote:
    quote = _typed(value, dict, "quotes")
    key = _typed(quote.get("document"), str, "document")
    return GoldQuote(document_key=key, text=_typed(quote.get("text"), str, "quotes"))


def _typed(value: Any, kind: type, param: str) -> Any:
    if not isinstance(value, kind):
        raise InvalidRequest(f"{param} is not what it should be.", param=param)
    return value


def _assert_texts(param: str, texts: Sequence[str], *, most: int = MOST_ITEMS) -> None:
    if len(texts) > most or not all(text.strip() and _is_storable(text) for text in texts):
        raise InvalidRequest(
            f"{param}: at most {MOST_ITEMS}, none empty or longer than {MOST_CHARS} characters, all of them text.",
            param=param,
        )


def _is_storable(text: str) -> bool:
    return len(text) <= MOST_CHARS and "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
