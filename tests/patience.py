"""How long a test waits for what must come."""

import asyncio
from collections.abc import Callable

PATIENCE_S = 300.0
"""Long past what a busy, slow machine takes: no test passes by it, it only says when one that fails gives up."""


async def until(holds: Callable[[], object]) -> None:
    """Wait for what sets no event."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
