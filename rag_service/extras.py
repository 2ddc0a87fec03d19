"""Libraries that are installed only where a backend that needs them was chosen."""

from collections.abc import Iterator
from contextlib import contextmanager

from rag_service.errors import Misconfigured


@contextmanager
def of_extra(name: str) -> Iterator[None]:
    """Say how to install what is imported in here.

    Raises:
        Misconfigured: a library of the extra `name` is missing.
    """
    try:
        yield
    except ModuleNotFoundError as exc:
        raise Misconfigured(f"{exc.name} is not installed: pip install 'rag-service[{name}]'.") from exc
