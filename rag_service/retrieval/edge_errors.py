"""The border to Qdrant Edge's errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from rag_service.errors import IndexUnavailable


@contextmanager
def engine_errors(action: str) -> Iterator[None]:
    """Translate what the engine raises while it does `action`."""
    try:
        yield
    except Exception as exc:  # the engine raises bare `Exception` and has no class of its own
        raise IndexUnavailable(f"The index engine could not {action}: {exc}") from exc
