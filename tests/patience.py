"""How long a test waits for what must come."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = 300.0
"""Long past what a busy, slow machine takes: no test passes by it, it only says when one that fails gives up."""

_PAUSE_S = 0.05


async def until(holds: Callable[[], object | Awaitable[object]], what: str = "what the test waits for") -> None:
    """Wait for what sets no event; `what` is told when it does not come."""
    deadline = time.monotonic() + 2 * PATIENCE_S
    while not await _value(holds()):
        assert time.monotonic() < deadline, f"it did not come to: {what}"
        await asyncio.sleep(_PAUSE_S)


async def _value(found: object | Awaitable[object]) -> object:
    return await found if inspect.isawaitable(found) else found
