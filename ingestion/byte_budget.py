"""How many bytes of large files the workers of one machine read at once."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_SLOTS = 16
_LOOK_S = 0.2


class ByteBudget:
    """Shares `limit_bytes` between all processes that name the same folder.

    The budget is cut into slots, each a lock that ends with the process that holds it, however that ends. A file takes
    as many as it needs; one that is larger than all of them is read alone.
    """

    def __init__(self, folder: Path, *, limit_bytes: int) -> None:
        self._folder = folder
        self._slot_bytes = max(limit_bytes // _SLOTS, 1)

    def has_room(self, size_bytes: int) -> bool:
        """Say whether a file of this size could be read now."""
        held = self._take(size_bytes)
        _release(held)
        return bool(held)

    @asynccontextmanager
    async def taken(self, size_bytes: int) -> AsyncIterator[None]:
        """Wait until there is room for a file of this size, and keep it during the block."""
        while not (held := self._take(size_bytes)):  # noqa: ASYNC110  (other processes hold it)
            await asyncio.sleep(_LOOK_S)
        try:
            yield
        finally:
            _release(held)

    def _take(self, size_bytes: int) -> list[int]:
        """Return the locks of free slots, enough for the size, or none at all."""
        wanted = min(-(-max(size_bytes, 1) // self._slot_bytes), _SLOTS)
        self._folder.mkdir(parents=True, exist_ok=True)
        # One at a time: two that need many slots would keep them from each other.
        gate = os.open(self._folder / "gate", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(gate, fcntl.LOCK_EX)
            held = self._free(wanted)
        finally:
            os.close(gate)
        if len(held) == wanted:
            return held
        _release(held)
        return []

    def _free(self, wanted: int) -> list[int]:
        held: list[int] = []
        for slot in range(_SLOTS):
            lock = os.open(self._folder / f"slot-{slot:02}", os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held.append(lock)
            except BlockingIOError:
                os.close(lock)
            if len(held) == wanted:
                break
        return held


def _release(held: list[int]) -> None:
    for lock in held:
        os.close(lock)
