"""Which erasures were requested, kept apart from the catalog: so that a restored backup does not bring anything back."""

from collections.abc import Sequence
from typing import Protocol

from rag_service.domain.erasures import Erasure


class ErasureLog(Protocol):
    """Only ever added to. It holds ids and keyed hashes, never a name or a text."""

    async def append(self, erasure: Erasure) -> None:
        """Note a request; durable when this returns. Safe to repeat.

        Raises:
            DependencyUnavailable: the log cannot be written; repeating may help.
        """

    async def entries(self) -> Sequence[Erasure]:
        """Return every request once, in order, as it was made.

        Raises:
            Misconfigured: the log is there and cannot be read.
        """
