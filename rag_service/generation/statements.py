"""What of a passage can be quoted alone: sentences, whole list items, table rows, and lists with their lead."""

import re
from dataclasses import dataclass
from enum import StrEnum

from rag_service.domain.answers import Passage
from rag_service.domain.marks import MARK
from rag_service.domain.sentences import FULL_ENDERS, OPEN_ENDERS, sentence_spans
from rag_service.domain.table_rows import CELL_BREAK
from rag_service.domain.words import words

_ITEM = re.compile(r"[ \t]*(?:[-*+•‣◦\u2013—]|\d{1,3}[.)]|[a-zA-Z]\))\s+(?=\S)")
_BULLET = re.compile(r"[*+•‣◦\u2013—]\s+")
_CLOSERS = "\"')]}”\u2019»*_` "
_CODE_CHARS = frozenset('{}[]()=<>;"\\')
_CODE_SHARE = 0.09
_FRAGMENT_WORDS = 8
_SHORTEST_WORDS = 3
_LONGEST_ITEM = 400
_MOST_ITEMS = 8


class Form(StrEnum):
    """What a statement is. Poor: a heading, a fragment, a question or program text; no answer by itself."""

    SENTENCE = "sentence"
    ITEM = "item"
    ROW = "row"
    LEAD = "lead"
    POOR = "poor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A part of a passage as it is written out: white space joined, marks of the source removed."""

    text: str
    form: Form


def statements_of(passage: Passage) -> list[Statement]:
    """Return the statements of a passage in order; a list item is one, however many sentences it has."""
    texts = _texts(passage.text)
    following = [*texts[1:], ""]
    return [Statement(text=text, form=_form(text, after)) for text, after in zip(texts, following, strict=True)]


def items_after(statements: list[Statement], ordinal: int) -> list[str]:
    """Return the list items that follow the statement at `ordinal`, its list when it is a lead."""
    items = []
    for statement in statements[ordinal + 1 : ordinal + 1 + _MOST_ITEMS]:
        if statement.form is not Form.ITEM:
            break
        items.append(statement.text)
    return items


def without_bullet(item: str) -> list[str]:
    """Return the sentences of a list item, without its bullet or number."""
    bare = _ITEM.sub("", item, count=1)
    return [span.of(bare) for span in sentence_spans(bare)]


def with_dash(item: str) -> str:
    """Return a list item as answers show it, whatever bullet the source has."""
    return _BULLET.sub("- ", item, count=1) if _BULLET.match(item) else item


def ends_sentence(text: str) -> bool:
    """Say whether `text` ends as a sentence does."""
    bare = text.rstrip(_CLOSERS)
    return bool(bare) and (bare[-1] in OPEN_ENDERS or bare[-1] in FULL_ENDERS)


def _texts(text: str) -> list[str]:
    joined: list[str] = []
    item_start: int | None = None
    end = 0
    for span in sentence_spans(text):
        goes_on = item_start is not None and "\n" not in text[end : span.start]
        if goes_on and item_start is not None and span.end - item_start <= _LONGEST_ITEM:
            joined[-1] = _written(text[item_start : span.end])
        else:
            item_start = span.start if _ITEM.match(span.of(text)) else None
            joined.append(_written(span.of(text)))
        end = span.end
    return [one for one in joined if one]


def _form(text: str, following: str) -> Form:
    if text.endswith(":"):
        return Form.LEAD if _ITEM.match(following) else Form.POOR
    if text.startswith("|") or CELL_BREAK in text:
        return Form.ROW
    if _is_poor(text):
        return Form.POOR
    return Form.ITEM if _ITEM.match(text) else Form.SENTENCE


def _is_poor(text: str) -> bool:
    if text.startswith("#") or text.rstrip(_CLOSERS).endswith(("?", "\uff1f", "\u061f")):
        return True
    if sum(char in _CODE_CHARS for char in text) > _CODE_SHARE * len(text):
        return True
    if _ITEM.match(text):
        return False
    count = len(words(text))
    return count < _SHORTEST_WORDS or (count < _FRAGMENT_WORDS and not ends_sentence(text))


def _written(text: str) -> str:
    return " ".join(MARK.sub("", text).split())
