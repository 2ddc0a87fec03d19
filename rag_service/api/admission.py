"""How many questions and searches are taken on at once: the rest waits in line, and what finds no room is refused."""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, TypeVar, cast

from fastapi import Depends
from starlette.requests import ClientDisconnect, Request

from rag_service.api import dependencies
from rag_service.errors import LimitExceeded
from rag_service.settings import LimitSettings

Event = TypeVar("Event")

_SPREAD_S = 4
"""Those who are refused together should not all come back together."""

ARRIVAL = "rag.arrival"
"""Where a request's scope has its `Arrival`."""


class Place:
    """Room to work in, until it is given back. `was_waited_for`: its client may have left meanwhile."""

    def __init__(self, give_back: Callable[[], None], *, was_waited_for: bool) -> None:
        self._give_back: Callable[[], None] | None = give_back
        self.was_waited_for = was_waited_for

    def give_back(self) -> None:
        """Let the next one in; a second time does nothing."""
        if self._give_back is not None:
            self._give_back()
            self._give_back = None


class Arrival:
    """A request that is all there and on its way into the line: who asks is looked up first, which takes time too."""

    def __init__(self, admission: "Admission") -> None:
        self._admission = admission
        self._is_counted = False
        self._is_over = False

    def begin(self) -> None:
        """Count it from now on, once."""
        if not (self._is_counted or self._is_over):
            self._is_counted = True
            self._admission.arriving += 1

    def end(self) -> None:
        """It is in the line, or will never be."""
        if self._is_counted:
            self._is_counted = False
            self._admission.arriving -= 1
        self._is_over = True


class Admission:
    """First come, first served, in a line that may be long only for as long as a burst takes.

    A queue that never empties adds its length to every answer and answers not one more: once it has stood for a
    while (Nichols and Jacobson's CoDel, as Facebook puts it in front of its services), room in it is short.
    """

    def __init__(self, limits: LimitSettings, *, now: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._now = now
        self.arriving = 0
        self._busy = 0
        self._line: deque[asyncio.Future[None]] = deque()
        self._line_began = 0.0
        self._waited_s = 0.0
        self._refused = 0

    @property
    def is_full(self) -> bool:
        """Whether one more would be refused."""
        coming = self._busy + len(self._line) + self.arriving
        return coming >= self._limits.at_once + self._room()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Wait for a place, and have it until the block ends or it is given back.

        Raises:
            LimitExceeded: there is no room in the line, or it took too long.
        """
        is_taken = self._busy >= self._limits.at_once
        if is_taken:
            await self._stand_in_line()
        else:
            self._busy += 1
        place = Place(self._leave, was_waited_for=is_taken)
        try:
            yield place
        finally:
            place.give_back()

    def refusal(self) -> LimitExceeded:
        """Return what is told to one who is not let in."""
        self._refused += 1
        retry_after_s = math.ceil(self._waited_s) + self._refused % _SPREAD_S
        return LimitExceeded("The service has more to do than it can. Try again.", retry_after_s=retry_after_s)

    async def _stand_in_line(self) -> None:
        if len(self._line) >= self._room():
            raise self.refusal()
        came = self._now()
        if not self._line:
            self._line_began = came
        turn = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout(self._limits.wait_s):
                await turn
        except TimeoutError as exc:
            self._step_out(turn)
            raise self.refusal() from exc
        except asyncio.CancelledError:
            self._step_out(turn)
            raise
        self._waited_s = self._now() - came

    def _step_out(self, turn: asyncio.Future[None]) -> None:
        if turn in self._line:
            self._line.remove(turn)
        elif turn.done() and not turn.cancelled():
            # The place was handed over at the very moment.
            self._leave()

    def _leave(self) -> None:
        """Hand the place to the first in line, so that nobody who comes now gets in before."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._busy -= 1

    def _room(self) -> int:
        is_standing = self._line and self._now() - self._line_began > self._limits.burst_s
        return self._limits.standing if is_standing else self._limits.waiting


async def _admitted(
    request: Request, _: Annotated[object, Depends(dependencies.current_scope)]
) -> AsyncIterator[Place]:
    if ARRIVAL in request.scope:
        cast("Arrival", request.scope[ARRIVAL]).end()
    async with admission_of(request).place() as place:
        # Nobody works for a client that left the line.
        if place.was_waited_for and await request.is_disconnected():
            raise ClientDisconnect
        yield place


Admitted = Annotated[Place, Depends(_admitted)]
"""A place, taken once the caller is known and the body is there: a slow sender keeps nobody waiting."""


async def until_first(place: Place, events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """Yield `events`, and give the place back with the first."""
    async with aclosing(events):
        async for event in events:
            place.give_back()
            yield event


def admission_of(request: Request) -> Admission:
    """Return the admission of this application."""
    return cast("Admission", request.app.state.admission)
