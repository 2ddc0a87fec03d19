"""What was computed for a question, kept for the next one like it and shared by those who ask it at the same time."""

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rag_service.domain.ids import TenantId
from rag_service.telemetry.search_counts import CacheResult, SearchCounts

_Value = TypeVar("_Value")
_Digest = bytes

KEPT_S = 600.0
"""Nothing older is used or stays, whatever a caller's key forgot to say."""

_SECRET = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class _Kept(Generic[_Value]):
    value: _Value


@dataclass(slots=True, eq=False)
class _Flight(Generic[_Value]):
    task: "asyncio.Task[_Value]"
    waiting: int = 0


class QueryCache(Generic[_Value]):
    """Values by tenant and key, the least recently used of the tenant with the most of them thrown away first.

    No tenant sees by the time a question takes whether another has asked it. Questions are not kept: a key is a hash
    with a secret that dies with the process, and a value holds numbers and ids only, at most `entries` of them until their
    time is over. So no erasure has to come here.
    Errors are not kept; all who share a computation get its error.
    """

    def __init__(
        self,
        name: str,
        *,
        entries: int,
        counts: SearchCounts,
        keep_s: float = KEPT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._keep_s = keep_s
        self._entries = entries
        self._counts = counts
        self._clock = clock
        self._kept: defaultdict[TenantId, OrderedDict[_Digest, _Kept[_Value]]] = defaultdict(OrderedDict)
        # Apart from the values, which are in the order of their use.
        self._kept_at: OrderedDict[tuple[TenantId, _Digest], float] = OrderedDict()
        self._next_leaves: asyncio.TimerHandle | None = None
        self._flights: dict[tuple[TenantId, _Digest], _Flight[_Value]] = {}

    @property
    def count(self) -> int:
        """How many values are kept."""
        return len(self._kept_at)

    async def get(
        self, tenant_id: TenantId, key: tuple[object, ...], compute: Callable[[], Awaitable[_Value]]
    ) -> _Value:
        """Return what is kept under `key`, bytes and values whose `repr` tells them apart; else what `compute` returns.

        With no entries nothing is kept and nothing shared.
        """
        if not self._entries:
            return await compute()
        digest = digest_of_key(key)
        found = self._find(tenant_id, digest)
        if found is not None:
            self._counts.count_cached(self._name, CacheResult.HIT)
            return found.value
        flight = self._flights.get((tenant_id, digest))
        self._counts.count_cached(self._name, CacheResult.SHARED if flight else CacheResult.MISS)
        return await self._landed(tenant_id, digest, flight or self._start(tenant_id, digest, compute))

    def _find(self, tenant_id: TenantId, digest: _Digest) -> _Kept[_Value] | None:
        kept_at = self._kept_at.get((tenant_id, digest))
        if kept_at is None:
            return None
        # A busy loop lets it go a little late.
        if self._clock() - kept_at >= self._keep_s:
            self._drop(tenant_id, digest)
            return None
        self._kept[tenant_id].move_to_end(digest)
        return self._kept[tenant_id][digest]

    def _start(self, tenant_id: TenantId, digest: _Digest, compute: Callable[[], Awaitable[_Value]]) -> _Flight[_Value]:
        async def computed() -> _Value:
            value = await compute()
            self._keep(tenant_id, digest, value)
            return value

        flight = _Flight(asyncio.create_task(computed()))
        self._flights[tenant_id, digest] = flight
        return flight

    async def _landed(self, tenant_id: TenantId, digest: _Digest, flight: _Flight[_Value]) -> _Value:
        flight.waiting += 1
        try:
            # One who leaves takes nothing from the others.
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if (flight.task.done() or not flight.waiting) and self._flights.get((tenant_id, digest)) is flight:
                del self._flights[tenant_id, digest]
                flight.task.cancel()

    def _keep(self, tenant_id: TenantId, digest: _Digest, value: _Value) -> None:
        self._kept[tenant_id][digest] = _Kept(value)
        self._kept_at[tenant_id, digest] = self._clock()
        self._kept_at.move_to_end((tenant_id, digest))
        while self.count > self._entries:
            largest = max(self._kept, key=lambda tenant: len(self._kept[tenant]))
            self._drop(largest, next(iter(self._kept[largest])))
        if self._next_leaves is None:
            self._drop_old()

    def _drop_old(self) -> None:
        """Let go of what is too old, and come again when the next one is."""
        self._next_leaves = None
        while self._kept_at:
            oldest, kept_at = next(iter(self._kept_at.items()))
            left_s = kept_at + self._keep_s - self._clock()
            if left_s > 0:
                self._next_leaves = asyncio.get_running_loop().call_later(left_s, self._drop_old)
                return
            self._drop(*oldest)

    def _drop(self, tenant_id: TenantId, digest: _Digest) -> None:
        del self._kept_at[tenant_id, digest]
        del self._kept[tenant_id][digest]
        if not self._kept[tenant_id]:
            del self._kept[tenant_id]


def digest_of_key(key: tuple[object, ...]) -> bytes:
    """Return a hash of the parts, each with its kind and length, so that no two keys run together."""
    digest = hashlib.blake2b(key=_SECRET, digest_size=16)
    for part in key:
        kind, content = (
            (b"b", part) if isinstance(part, bytes) else (b"r", repr(part).encode("utf-8", "backslashreplace"))
        )
        digest.update(kind + len(content).to_bytes(8, "big") + content)
    return digest.digest()
