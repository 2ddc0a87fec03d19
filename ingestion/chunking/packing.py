"""Packs a text into pieces of whole paragraphs and sentences, of phrases and words where those are too long.

The same pieces as LlamaIndex's `SentenceSplitter`, which takes seconds and 100 MiB to import.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ingestion.chunking.sentences import sentences

CountTokens = Callable[[str], int]
Cut = Callable[[str], Sequence[str]]

_PHRASE: Final = re.compile(r"[^,.;。？！]+[,.;。？！]?|[,.;。？！]")


class IndivisibleError(Exception):
    """One character is more than a piece may hold."""


@dataclass(frozen=True, slots=True)
class _Part:
    text: str
    tokens: int


def packed(
    text: str, *, budget: int, overlap: int, count_tokens: CountTokens, find_sentences: Cut = sentences
) -> list[str]:
    """Return pieces of at most `budget` tokens, without the white space around them.

    Raises:
        IndivisibleError: a character has more tokens.
    """
    parts = list(_parts(text, budget, count_tokens, find_sentences))
    if any(part.tokens > budget for part in parts):
        raise IndivisibleError
    pieces = ("".join(part.text for part in piece).strip() for piece in _merged(parts, budget, overlap))
    return [piece for piece in pieces if piece]


def _parts(text: str, budget: int, count_tokens: CountTokens, find_sentences: Cut) -> Iterator[_Part]:
    tokens = count_tokens(text)
    pieces = _cut(text, find_sentences) if tokens > budget else [text]
    if len(pieces) == 1:
        yield _Part(text, tokens)
        return
    for piece in pieces:
        yield from _parts(piece, budget, count_tokens, find_sentences)


def _cut(text: str, find_sentences: Cut) -> Sequence[str]:
    """Cut as coarsely as possible, in characters at last."""
    for cut in (_paragraphs, find_sentences, _PHRASE.findall, _words):
        pieces = cut(text)
        if len(pieces) > 1:
            return pieces
    return list(text)


def _paragraphs(text: str) -> list[str]:
    return _before(text, "\n\n")


def _words(text: str) -> list[str]:
    return _before(text, " ")


def _before(text: str, separator: str) -> list[str]:
    first, *others = text.split(separator)
    return [piece for piece in (first, *(separator + other for other in others)) if piece]


def _merged(parts: Iterable[_Part], budget: int, overlap: int) -> Iterator[Sequence[_Part]]:
    """Fill one piece after the other; each begins with as much of the end of the one before as `overlap` allows."""
    piece: list[_Part] = []
    size = 0
    is_new = True
    for part in parts:
        if not is_new and size + part.tokens > budget:
            yield piece
            piece, is_new = _end_of(piece, overlap), True
            size = sum(repeated.tokens for repeated in piece)
        while piece and size + part.tokens > budget:
            size -= piece.pop(0).tokens
        piece.append(part)
        size += part.tokens
        is_new = False
    if piece:
        yield piece


def _end_of(piece: Sequence[_Part], overlap: int) -> list[_Part]:
    size = 0
    for place in range(len(piece), 0, -1):
        size += piece[place - 1].tokens
        if size > overlap:
            return list(piece[place:])
    return list(piece)
