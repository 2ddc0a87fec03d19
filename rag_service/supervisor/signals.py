"""Running a set of programs until a person or a service manager says stop."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any


async def until_told(
    run: Coroutine[Any, Any, None], *, stop: Callable[[], Awaitable[None]], say: Callable[[str], None]
) -> None:
    """Run until SIGINT or SIGTERM, or until `run` fails; then `stop`."""
    running = asyncio.create_task(run)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    told = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # From here on a second signal changes nothing: the parts are stopped in order.
        say("Stopping…")
        running.cancel()
        await stop()
    if running.done() and not running.cancelled():
        running.result()
