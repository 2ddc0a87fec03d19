"""What takes much memory is open only while it is needed, and a while longer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from eval.lending import Lending


class Shop:
    """Counts how often its thing was opened and closed."""

    def __init__(self) -> None:
        self.opened = self.closed = 0
        self.was_closed = asyncio.Event()
        self.error: Exception | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        if self.error is not None:
            raise self.error
        self.opened += 1
        yield "thing"
        self.closed += 1
        self.was_closed.set()


async def test_nothing_is_open_before_it_is_needed() -> None:
    shop = Shop()
    await Lending(shop.open, keep_s=1).aclose()

    assert shop.opened == 0


async def test_several_have_the_same_thing_at_once() -> None:
    shop = Shop()
    lending = Lending(shop.open, keep_s=60)

    async with lending.lent() as one, lending.lent() as other:
        assert one is other
    await lending.aclose()

    assert (shop.opened, shop.closed) == (1, 1)


async def test_it_is_closed_when_nobody_has_needed_it_for_long() -> None:
    shop = Shop()
    lending = Lending(shop.open, keep_s=0)
    async with lending.lent():
        pass
    await shop.was_closed.wait()

    async with lending.lent() as thing:
        assert (thing, shop.opened) == ("thing", 2)
    await lending.aclose()


async def test_it_stays_open_for_who_needs_it_soon_again() -> None:
    shop = Shop()
    lending = Lending(shop.open, keep_s=60)
    for _ in range(3):
        async with lending.lent():
            pass
    assert (shop.opened, shop.closed) == (1, 0)

    await lending.aclose()


async def test_what_could_not_be_opened_is_opened_the_next_time() -> None:
    shop = Shop()
    shop.error = OSError("no model")
    lending = Lending(shop.open, keep_s=60)
    with pytest.raises(OSError, match="no model"):
        async with lending.lent():
            pass

    shop.error = None
    async with lending.lent() as thing:
        assert thing == "thing"
    await lending.aclose()
