"""Calls to a part of the system that may be slow or down: bounded in time, and spared while it does not answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from rag_service.errors import DependencyUnavailable
from rag_service.use_cases.searching.breaker import Breaker, BreakerRules, BreakerState

_Result = TypeVar("_Result")

_log = structlog.get_logger()


class Guard:
    """Makes the calls to one part. `unavailable` is the error that says it did not answer."""

    def __init__(
        self,
        part: str,
        unavailable: type[DependencyUnavailable],
        *,
        rules: BreakerRules | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._part = part
        self._unavailable = unavailable
        self._breaker = Breaker(rules or BreakerRules())
        self._clock = clock

    async def __call__(self, call: Callable[[], Awaitable[_Result]], *, within_s: float | None) -> _Result:
        """Return what `call` returns.

        Raises:
            DependencyUnavailable: of the kind given, when it took longer than `within_s` (None: for ever) or is not asked at the moment;
                any other that the call raised.
        """
        if not self._breaker.admits(self._clock()):
            raise self._unavailable(f"The {self._part} did not answer of late. It is asked again in a moment.")
        try:
            async with asyncio.timeout(within_s):
                result = await call()
        except TimeoutError as exc:
            self._note_failure()
            raise self._unavailable(f"The {self._part} did not answer in time.") from exc
        except DependencyUnavailable:
            self._note_failure()
            raise
        self._breaker.succeeded(self._clock())
        return result

    def _note_failure(self) -> None:
        before = self._breaker.state
        self._breaker.failed(self._clock())
        if before is BreakerState.CLOSED and self._breaker.state is BreakerState.OPEN:
            _log.warning("search_breaker_opened", part=self._part)
