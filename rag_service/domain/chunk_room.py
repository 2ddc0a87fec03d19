"""How much text a chunk has room for, in tokens of the model that embeds it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag_service.domain.documents import embedded_text

_SPECIAL_TOKENS = 2  # a model puts one before and one after each text
_HEADINGS_SHARE = 0.4  # of the target that headings may take from the text
_CHARS_PER_TOKEN = 8
_MANY_TOKENS = 10_000  # more is over any target, so that counting exactly would be a waste


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRoom:
    """Room for `target` tokens of headings and text together. `count_tokens` leaves special ones out."""

    target: int
    count_tokens: Callable[[str], int]

    @property
    def for_headings(self) -> float:
        """The most tokens that headings may take from the text."""
        return _HEADINGS_SHARE * self.target

    def count(self, text: str) -> int:
        """Count tokens, but at least one for eight characters: some models see an endless word as one token."""
        at_least = len(text) // _CHARS_PER_TOKEN
        return at_least if at_least > _MANY_TOKENS else max(at_least, self.count_tokens(text))

    def taken_by(self, headings: Sequence[str]) -> int:
        """Count the tokens that headings above a text take from it."""
        return self.count(embedded_text(tuple(headings), "")) if headings else 0


def room_within(target_tokens: int, *, max_tokens: int, count_tokens: Callable[[str], int]) -> ChunkRoom:
    """Return room for `target_tokens`, or for as many as the model reads: `max_tokens`, special ones included."""
    return ChunkRoom(target=max(1, min(target_tokens, max_tokens - _SPECIAL_TOKENS)), count_tokens=count_tokens)
