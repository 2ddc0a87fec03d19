"""Whether the service can answer questions now."""

import asyncio
import shutil
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from rag_service.domain.ids import Fingerprint
from rag_service.errors import RagError

if TYPE_CHECKING:
    from rag_service.bootstrap import Container

CHECK_TIMEOUT_S = 2.0
LOW_SHARE = 0.1
"""Of the data folder's disk: with less of it free, somebody should make room before uploads fail."""

GOOD_ENOUGH = frozenset({"ok", "low"})

# No build has this name: an index that answers "nothing" is alive.
_NO_BUILD = Fingerprint("readiness")
_PARTS = ("catalog", "index", "embedder", "disk")


class Readiness:
    """Checks the parts that every question needs. The model is loaded once, in the background."""

    def __init__(self) -> None:
        self._warming: asyncio.Task[None] | None = None

    async def check(self, container: "Container | None") -> dict[str, str]:
        """Return "ok" or "unavailable" for each part, "low" for a disk that is nearly full.

        "starting" stands for all while there is no container yet.
        """
        if container is None:
            return dict.fromkeys(_PARTS, "starting")
        states = await asyncio.gather(
            _state(_ask_catalog(container)),
            _state(_ask_index(container)),
            _state(self._wait_for_model(container)),
            _state(_look_at_disk(container)),
        )
        return dict(zip(_PARTS, states, strict=True))

    async def _wait_for_model(self, container: "Container") -> str:
        if self._warming is None or (self._warming.done() and self._has_failed(self._warming)):
            self._warming = asyncio.create_task(container.embedder.warm_up())
        # A check that gives up must not stop the loading.
        await asyncio.shield(self._warming)
        return "ok"

    @staticmethod
    def _has_failed(task: asyncio.Task[None]) -> bool:
        return task.cancelled() or task.exception() is not None


async def _ask_catalog(container: "Container") -> str:
    async with container.catalog.reading() as tx:
        await tx.keys.has_any()
    return "ok"


async def _ask_index(container: "Container") -> str:
    await container.index.corpora(_NO_BUILD)
    return "ok"


async def _look_at_disk(container: "Container") -> str:
    disk = await asyncio.to_thread(shutil.disk_usage, container.settings.data_dir)
    return "low" if disk.free < LOW_SHARE * disk.total else "ok"


async def _state(check: Awaitable[str]) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await check
    except (RagError, OSError, TimeoutError):
        return "unavailable"
