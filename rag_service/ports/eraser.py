"""What every store of users' data brings with it: a way to erase, and a way to look whether something is left."""

from collections.abc import Sequence
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.erasures import Counts, Erasure, Removal
from rag_service.ports.catalog import Transaction


class Held(Protocol):
    """Awaited before anything is changed, so that who lost a job changes nothing more."""

    async def __call__(self, tx: Transaction | None = None) -> None:
        """Raise LeaseLost when another worker has the job; with `tx` that stays so until it ends."""


class Eraser(Protocol):
    """Removes from one store what an erasure is about. They run one after the other, the catalog's rows first.

    Every call may be repeated, also after a crash in the middle, and then returns what the first would have returned.
    """

    @property
    def store(self) -> str:
        """Name of the store."""

    @property
    def claims(self) -> frozenset[str]:
        """What it empties: columns as "table.column", or a store of the container by the name of its field."""

    async def erase(self, scope: AccessScope, erasure: Erasure, *, still_held: Held) -> Removal:
        """Remove it for good; return what is not noted in the erasure already.

        Raises:
            SlotTaken: something that goes on has to end first.
            DependencyUnavailable: repeating helps.
        """

    async def probe(self, scope: AccessScope, erasure: Erasure) -> Counts:
        """Return how much of it can still be found, by what it is: zeros after `erase`."""


class Compacts(Protocol):
    """A store whose files keep what was deleted until they are tidied."""

    async def compact(self) -> Sequence[str]:
        """Let nothing that was deleted before lie in the files; return, in words, what this store cannot reach.

        Raises:
            DependencyUnavailable: it was in use all the time; repeating helps.
        """
