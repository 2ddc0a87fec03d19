"""How far work on an index is."""

from typing import Protocol


class OnStep(Protocol):
    """Hears what is being done, and how far that is."""

    def __call__(self, step: str, done: int = 0, total: int | None = None) -> None:
        """Note it."""


def untold(step: str, done: int = 0, total: int | None = None) -> None:
    """Tell nobody."""
