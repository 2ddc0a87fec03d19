"""Written answers in the memory of this process, for a while."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from rag_service.domain.ids import TenantId
from rag_service.settings import AnswerSettings
from rag_service.use_cases.answering.answer_key import AnswerKey
from rag_service.use_cases.answering.written import Written


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    written: Written
    tenant_id: TenantId
    size_bytes: int
    leaves: asyncio.TimerHandle


class AnswerCache:
    """Bounded in entries, bytes and time; the one used least recently goes first.

    An entry goes at the end of its time by itself, not only when it is asked for: it is text of documents.
    """

    def __init__(self, settings: AnswerSettings) -> None:
        self._settings = settings
        self._entries: OrderedDict[AnswerKey, _Entry] = OrderedDict()
        self._size_bytes = 0
        self._forgotten: Counter[TenantId] = Counter()

    @property
    def count(self) -> int:
        """How many answers are kept."""
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """Memory that they take, roughly."""
        return self._size_bytes

    @property
    def keep_s(self) -> float:
        """How long an answer is kept."""
        return self._settings.cache_s

    @property
    def tenants(self) -> frozenset[TenantId]:
        """Whose answers are kept."""
        return frozenset(entry.tenant_id for entry in self._entries.values())

    def get(self, key: AnswerKey) -> Written | None:
        """Return what is kept under `key`."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry.written

    def putter(self, key: AnswerKey, tenant_id: TenantId) -> Callable[[Written], None]:
        """Return a call that keeps what will have been written, unless something is forgotten meanwhile."""
        forgotten = self._forgotten[tenant_id]

        def put(written: Written) -> None:
            if written.is_lasting and forgotten == self._forgotten[tenant_id]:
                self._put(key, tenant_id, written)

        return put

    def forget(self, tenant_id: TenantId) -> None:
        """Let go of everything of a tenant, also of what is only being written."""
        self._forgotten[tenant_id] += 1
        for key in [key for key, entry in self._entries.items() if entry.tenant_id == tenant_id]:
            self._drop(key)

    def _put(self, key: AnswerKey, tenant_id: TenantId, written: Written) -> None:
        self._drop(key)
        leaves = asyncio.get_running_loop().call_later(self._settings.cache_s, self._drop, key)
        size_bytes = written.size_bytes
        self._entries[key] = _Entry(written=written, tenant_id=tenant_id, size_bytes=size_bytes, leaves=leaves)
        self._size_bytes += size_bytes
        while len(self._entries) > self._settings.cache_entries or self._size_bytes > self._settings.cache_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: AnswerKey) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            entry.leaves.cancel()
            self._size_bytes -= entry.size_bytes
