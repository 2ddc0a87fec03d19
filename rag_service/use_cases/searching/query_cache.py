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
"""Nothing older is used, whatever a caller's key forgot to say."""

_SECRET = secrets.token_bytes(32)


@dataclass(slots=True, eq=False)
class _Flight(Generic[_Value]):
    task: "asyncio.Task[_Value]"
    waiting: int = 0


class QueryCache(Generic[_Value]):
    """Values by tenant and key, the least recently used of the tenant with the most of them thrown away first.

    No tenant sees by the time a question takes whether another has asked it. Questions are not kept: a key is a hash
    with a secret that dies with the process, and a value holds numbers and ids only, at most `entries` of them until the
    process ends. So no erasure has to come here.
    Errors are not kept; all who share a computation get its error.
    """

    def __init__(
        self, name: str, *, entries: int, counts: SearchCounts, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._entries = entries
        self._counts = counts
        self._clock = clock
        self._kept: defaultdict[TenantId, OrderedDict[_Digest, tuple[float, _Value]]] = defaultdict(OrderedDict)
        self._flights: dict[tuple[TenantId, _Digest], _Flight[_Value]] = {}
        self._size = 0

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
            return found[1]
        flight = self._flights.get((tenant_id, digest))
        self._counts.count_cached(self._name, CacheResult.SHARED if flight else CacheResult.MISS)
        return await self._landed(tenant_id, digest, flight or self._start(tenant_id, digest, compute))

    def _find(self, tenant_id: TenantId, digest: _Digest) -> tuple[float, _Value] | None:
        mine = self._kept.get(tenant_id)
        found = mine.get(digest) if mine else None
        if not mine or found is None:
            return None
        if self._clock() - found[0] >= KEPT_S:
            self._drop(tenant_id, digest)
            return None
        mine.move_to_end(digest)
        return found

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
        self._size += digest not in self._kept[tenant_id]
        self._kept[tenant_id][digest] = (self._clock(), value)
        while self._size > self._entries:
            largest = max(self._kept, key=lambda tenant: len(self._kept[tenant]))
            self._drop(largest, next(iter(self._kept[largest])))

    def _drop(self, tenant_id: TenantId, digest: _Digest) -> None:
        del self._kept[tenant_id][digest]
        self._size -= 1
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
