"""Requests to one host, evenly spread."""

import asyncio


class Pace:
    """Lets one request begin every `delay_s`, however many wait."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._next_at = 0.0

    async def turn(self) -> None:
        """Wait until the next request may begin."""
        now = asyncio.get_running_loop().time()
        begins_at = max(now, self._next_at)
        self._next_at = begins_at + self._delay_s
        await asyncio.sleep(begins_at - now)
