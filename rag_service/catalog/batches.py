"""Long lists in pieces that fit into one statement."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")

BATCH = 500
"""Items per statement: twice that many parameters are far below every database's limit."""


def batches(items: Sequence[Item], *, most: int = BATCH) -> Iterator[Sequence[Item]]:
    """Yield `items` in order, at most `most` at a time."""
    for start in range(0, len(items), most):
        yield items[start : start + most]
