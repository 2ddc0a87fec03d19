"""Half-open character ranges. Offsets count Unicode code points, everywhere."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` up to, not including, `end` of some text."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: {self.start}..{self.end}")

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, text: str) -> str:
        """Return the characters of `text` that this span covers."""
        return text[self.start : self.end]

    def shifted(self, offset: int) -> "Span":
        """Return this span moved by `offset` characters."""
        return Span(self.start + offset, self.end + offset)


def sha256_of(text: str) -> str:
    """Return the hex SHA-256 of `text` in UTF-8: the hash that quotes and texts are known by."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sha256_of_words(text: str) -> str:
    """Return the hex SHA-256 of `text` with each run of white space as one space: copies in other layouts share it."""
    return sha256_of(" ".join(text.split()))
