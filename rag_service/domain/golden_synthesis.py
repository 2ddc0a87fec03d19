"""Golden questions made from a text by rules: gaps in sentences, and what is said under headings. No model is asked.

And the paragraphs that a language model can be asked to write questions about.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from rag_service.domain.answers import Message
from rag_service.domain.documents import Block, BlockKind, ParsedDocument
from rag_service.domain.golden import GoldQuote
from rag_service.domain.golden_content import MOST_CHARS, GoldenContent
from rag_service.domain.sentences import sentence_spans
from rag_service.domain.spans import sha256_of
from rag_service.domain.words import forgettable_words, word_set

GAP = "____"

MOST_BLOCKS = 400
"""Of one document; which ones depends on the seed."""

_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE = re.compile(rf"\b(?:\d{{4}}-\d\d-\d\d|\d{{1,2}}\.? {_MONTH} \d{{4}}|{_MONTH} \d{{1,2}}, \d{{4}})\b")
_NUMBER = re.compile(r"(?<![\w.,:/-])\d+(?:[.,:]\d+)*(?: ?%)?(?![\w/-])")
# One capital letter says little, and in some languages every noun has it.
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)+")
_GAPS = (_DATE, _NUMBER, _NAME)
_MARKER = re.compile(r"^(?:[-*+•‣◦]|\d{1,3}[.)])\s+")
_LEANING = word_set("it its this that these those they them he she his her their such then there here so but and or")
"""A sentence that begins like this leans on the one before: alone, nobody knows what it is about."""

_FEWEST_WORDS, _MOST_WORDS = 6, 40
_MOST_HEADING_WORDS = 12
_FEWEST_WORDS_OF_A_PARAGRAPH = 8


def synthesised(parsed: ParsedDocument, *, document_key: str, seed: int, limit: int) -> list[GoldenContent]:
    """Return at most `limit` questions about a document, in an order that depends on the seed and on nothing else."""
    blocks = sorted(_groups(parsed), key=lambda group: _place(seed, document_key, str(group[1].span.start)))
    found = {
        content.messages[-1].content: content
        for heading, block in blocks[:MOST_BLOCKS]
        for content in _questions(parsed, heading, block, document_key)
    }
    return list(islice((found[asked] for asked in sorted(found, key=lambda asked: _place(seed, asked))), limit))


def paragraphs_of(parsed: ParsedDocument, *, document_key: str, seed: int, limit: int) -> list[GoldQuote]:
    """Return at most `limit` paragraphs that a question can be about, in an order that depends on the seed only."""
    blocks = (block.span.of(parsed.text).strip() for block in parsed.blocks if block.kind is BlockKind.PARAGRAPH)
    found = dict.fromkeys(text for text in blocks if _tells_something(text))
    return [
        GoldQuote(document_key=document_key, text=text)
        for text in sorted(found, key=lambda text: _place(seed, document_key, text))[:limit]
    ]


def _tells_something(text: str) -> bool:
    return len(forgettable_words(text)) >= _FEWEST_WORDS_OF_A_PARAGRAPH and len(text) <= MOST_CHARS


def _place(seed: int, *of: str) -> str:
    return sha256_of("\x1f".join([str(seed), *of]))


def _groups(parsed: ParsedDocument) -> Iterator[tuple[Block | None, Block]]:
    """Yield each block of prose, with the heading when it is the first under it."""
    heading: Block | None = None
    for block in parsed.blocks:
        if block.kind is BlockKind.HEADING:
            heading = block
        elif block.kind in (BlockKind.PARAGRAPH, BlockKind.LIST_ITEM):
            yield heading, block
            heading = None


def _questions(
    parsed: ParsedDocument, heading: Block | None, block: Block, document_key: str
) -> Iterator[GoldenContent]:
    text = block.span.of(parsed.text)
    said = (_MARKER.sub("", span.of(text).strip()) for span in sentence_spans(text))
    sentences = [sentence for sentence in said if _stands_alone(sentence)]
    if heading and block.kind is BlockKind.PARAGRAPH and sentences:
        yield from _about_heading(parsed, heading, sentences, document_key)
    for sentence in sentences:
        if gap := _gap(sentence):
            shown = " ".join(sentence.replace(gap, GAP).split())
            yield _content(f"Which words belong in the gap: “{shown}”?", document_key, sentence, answers=(gap,))


def _about_heading(
    parsed: ParsedDocument, heading: Block, sentences: Sequence[str], document_key: str
) -> Iterator[GoldenContent]:
    name = " ".join(heading.span.of(parsed.text).split())
    title = parsed.title or document_key
    if name != title and len(forgettable_words(name)) <= _MOST_HEADING_WORDS:
        yield _content(f"What does “{title}” say about “{name}”?", document_key, sentences[0])


def _content(asked: str, document_key: str, quote: str, *, answers: tuple[str, ...] = ()) -> GoldenContent:
    return GoldenContent(
        messages=(Message(role="user", content=asked),),
        answers=answers,
        quotes=(GoldQuote(document_key=document_key, text=quote),),
    )


def _stands_alone(sentence: str) -> bool:
    said = forgettable_words(sentence)
    return _FEWEST_WORDS <= len(said) <= _MOST_WORDS and said[0] not in _LEANING and sentence[-1:] in (".", "!", "。")


def _gap(sentence: str) -> str | None:
    """Return what is to be asked for: a date before a number before a name, that the sentence says once."""
    candidates = (found.group() for pattern in _GAPS for found in pattern.finditer(sentence))
    return next((gap for gap in candidates if sentence.count(gap) == 1), None)
