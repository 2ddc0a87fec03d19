"""Who is let in, who waits, and who is refused."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import SimpleNamespace

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from rag_service.api.admission import Admission, Arrival, Place, _admitted
from rag_service.errors import LimitExceeded
from rag_service.settings import LimitSettings

ONE = LimitSettings(at_once=1, waiting=2, standing=0, burst_s=5.0)


class Clock:
    """A clock that tests set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def stack():
    async with AsyncExitStack() as opened:
        yield opened


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def in_line(admission: Admission, count: int, note: Callable[[int], object] = lambda _: None):
    """Let `count` stand in line, each until it was let in."""

    async def stand(number: int) -> None:
        async with admission.place():
            note(number)

    standing = [asyncio.create_task(stand(number)) for number in range(count)]
    await settled()
    return standing


async def test_as_many_as_allowed_are_let_in_at_once(stack: AsyncExitStack) -> None:
    admission = Admission(LimitSettings(at_once=2, waiting=0))

    places = [await stack.enter_async_context(admission.place()) for _ in range(2)]

    assert admission.is_full and not any(place.was_waited_for for place in places)


async def test_one_more_than_may_wait_is_refused(stack: AsyncExitStack) -> None:
    admission = Admission(ONE)
    await stack.enter_async_context(admission.place())
    standing = await in_line(admission, 2)

    with pytest.raises(LimitExceeded):
        await stack.enter_async_context(admission.place())

    await stack.aclose()
    await asyncio.gather(*standing)


async def test_the_line_is_served_in_its_order(stack: AsyncExitStack) -> None:
    admission, served = Admission(ONE.model_copy(update={"waiting": 5})), []
    place: Place = await stack.enter_async_context(admission.place())
    standing = await in_line(admission, 5, served.append)

    place.give_back()
    await asyncio.gather(*standing)

    assert served == [0, 1, 2, 3, 4]


async def test_a_place_is_given_back_once() -> None:
    admission = Admission(ONE)

    async with admission.place() as place:
        place.give_back()
        place.give_back()
    async with admission.place():
        assert len(await in_line(admission, 1)) == 1


async def test_who_leaves_the_line_takes_no_place(stack: AsyncExitStack) -> None:
    admission, served = Admission(ONE), []
    place = await stack.enter_async_context(admission.place())
    standing = await in_line(admission, 2, served.append)

    standing[0].cancel()
    place.give_back()
    await asyncio.gather(*standing, return_exceptions=True)

    assert served == [1] and not admission.is_full


async def test_who_leaves_at_the_moment_of_being_let_in_passes_the_place_on(stack: AsyncExitStack) -> None:
    admission, served = Admission(ONE), []
    place = await stack.enter_async_context(admission.place())
    standing = await in_line(admission, 2, served.append)

    place.give_back()
    standing[0].cancel()
    await asyncio.gather(*standing, return_exceptions=True)

    assert served[-1:] == [1]
    async with admission.place() as free:
        assert not free.was_waited_for


async def test_nobody_waits_longer_than_allowed(stack: AsyncExitStack) -> None:
    admission = Admission(ONE.model_copy(update={"wait_s": 0.01}))
    await stack.enter_async_context(admission.place())

    with pytest.raises(LimitExceeded) as refused:
        await stack.enter_async_context(admission.place())

    assert refused.value.retry_after_s >= 0 and not admission.is_full


async def test_a_line_that_stands_is_kept_short_and_a_new_one_may_be_long(stack: AsyncExitStack) -> None:
    clock = Clock()
    admission = Admission(ONE, now=clock)
    place = await stack.enter_async_context(admission.place())
    standing = await in_line(admission, 1)
    seen = [admission.is_full]

    clock.now += ONE.burst_s + 1
    seen.append(admission.is_full)
    place.give_back()
    await asyncio.gather(*standing)
    await stack.enter_async_context(admission.place())
    seen.append(admission.is_full)

    assert seen == [False, True, False]


async def test_nothing_is_done_for_a_client_that_left_while_it_waited(stack: AsyncExitStack) -> None:
    admission = Admission(ONE)
    place = await stack.enter_async_context(admission.place())
    application = SimpleNamespace(state=SimpleNamespace(admission=admission))

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    waiting = asyncio.create_task(anext(_admitted(Request({"type": "http", "app": application}, receive), None)))
    await settled()
    place.give_back()

    with pytest.raises(ClientDisconnect):
        await waiting
    assert not admission.is_full and admission._busy == 0


async def test_who_is_on_the_way_into_the_line_counts_once(stack: AsyncExitStack) -> None:
    admission = Admission(LimitSettings(at_once=1, waiting=0))
    arrival, seen = Arrival(admission), [admission.is_full]

    for step in (arrival.begin, arrival.begin, arrival.end, arrival.begin, arrival.end):
        step()
        seen.append(admission.is_full)

    assert seen == [False, True, True, False, False, False]


async def test_those_who_are_refused_together_are_not_all_told_to_come_back_together() -> None:
    admission = Admission(ONE)

    assert len({admission.refusal().retry_after_s for _ in range(4)}) == 4
