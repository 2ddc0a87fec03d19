"""How long the index may take while a writing transaction waits for it."""

import asyncio
from collections.abc import Awaitable

from rag_service.errors import IndexUnavailable

# Others wait for the catalog meanwhile, and give up after 15 s.
_LONGEST_HOLD_S = 10.0


async def in_time(changing: Awaitable[None]) -> None:
    """Wait for a change of the index that is made inside a writing transaction.

    Raises:
        IndexUnavailable: it took too long.
    """
    try:
        async with asyncio.timeout(_LONGEST_HOLD_S):
            await changing
    except TimeoutError as exc:
        raise IndexUnavailable(f"The index did not take a batch in within {_LONGEST_HOLD_S:g} s.") from exc
