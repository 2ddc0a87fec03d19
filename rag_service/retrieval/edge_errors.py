"""The border to Qdrant Edge's errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from rag_service.errors import IndexUnavailable

_PANIC = "PanicException"


@contextmanager
def engine_errors(action: str) -> Iterator[None]:
    """Translate what the engine raises while it does `action`."""
    try:
        yield
    except Exception as exc:  # the engine raises bare `Exception` and has no class of its own
        raise _unavailable(action, exc) from exc
    except BaseException as exc:
        # A damaged file makes the engine panic, which must not end the process that serves the other builds.
        if type(exc).__name__ != _PANIC:
            raise
        raise _unavailable(action, exc) from exc


def _unavailable(action: str, exc: BaseException) -> IndexUnavailable:
    return IndexUnavailable(f"The index engine could not {action}: {exc}")
