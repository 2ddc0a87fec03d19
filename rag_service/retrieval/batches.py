"""Long lists in pieces that an engine takes at once."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

_Item = TypeVar("_Item")


def batches(items: Sequence[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield `items` in order, at most `size` at a time."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
