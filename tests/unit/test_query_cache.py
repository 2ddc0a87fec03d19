"""What was computed for a question is kept for its tenant, and computed once for all who ask at the same time."""

import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest

from rag_service.domain.ids import TenantId
from rag_service.errors import IndexUnavailable
from rag_service.telemetry.search_counts import CacheResult, SearchCounts
from rag_service.use_cases.searching.query_cache import KEPT_S, QueryCache
from tests.patience import until

OURS, THEIRS = TenantId("ours"), TenantId("theirs")
SECRET = "who earns how much"


class Work:
    """Computes a number, and counts how often; waits for `allowed`."""

    def __init__(self, *, fails: bool = False) -> None:
        self.done = 0
        self.cancelled = 0
        self.fails = fails
        self.allowed = asyncio.Event()
        self.allowed.set()

    async def __call__(self) -> int:
        try:
            await self.allowed.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.done += 1
        if self.fails:
            raise IndexUnavailable("away")
        return self.done


@pytest.fixture
def counts() -> SearchCounts:
    return SearchCounts()


@pytest.fixture
def cache(counts: SearchCounts) -> QueryCache[int]:
    return QueryCache("answers", entries=3, counts=counts)


async def asked_together(cache: QueryCache[int], work: Callable[[], Awaitable[int]], times: int) -> list[object]:
    return await asyncio.gather(*(cache.get(OURS, ("q",), work) for _ in range(times)), return_exceptions=True)


async def test_a_question_is_computed_once(cache: QueryCache[int], counts: SearchCounts) -> None:
    work = Work()

    assert [await cache.get(OURS, ("q", 1), work) for _ in range(3)] == [1, 1, 1]
    assert counts.cached == {("answers", CacheResult.MISS): 1, ("answers", CacheResult.HIT): 2}


async def test_those_who_ask_together_share_one_computation(cache: QueryCache[int], counts: SearchCounts) -> None:
    assert await asked_together(cache, Work(), 500) == [1] * 500
    assert counts.cached["answers", CacheResult.SHARED] == 499


async def test_no_tenant_is_answered_with_what_another_asked(cache: QueryCache[int]) -> None:
    work = Work()

    assert [await cache.get(tenant, ("q",), work) for tenant in (OURS, THEIRS)] == [1, 2]


@pytest.mark.parametrize(("one", "other"), [(("ab", "c"), ("a", "bc")), ((b"1",), (1,)), (("1",), (1,)), ((), ("",))])
async def test_keys_that_differ_never_meet(
    cache: QueryCache[int], one: tuple[object, ...], other: tuple[object, ...]
) -> None:
    work = Work()

    assert [await cache.get(OURS, key, work) for key in (one, other)] == [1, 2]


async def test_one_who_leaves_takes_nothing_from_the_others(cache: QueryCache[int]) -> None:
    work = Work()
    work.allowed.clear()
    first, second = [asyncio.create_task(cache.get(OURS, ("q",), work)) for _ in range(2)]
    await asyncio.sleep(0)

    first.cancel()
    await asyncio.wait([first])
    work.allowed.set()

    assert await second == 1


async def test_what_nobody_waits_for_any_more_is_stopped_and_begun_anew(cache: QueryCache[int]) -> None:
    work = Work()
    work.allowed.clear()
    task = asyncio.create_task(cache.get(OURS, ("q",), work))
    await asyncio.sleep(0.01)

    task.cancel()
    await asyncio.wait([task])
    work.allowed.set()

    assert await cache.get(OURS, ("q",), work) == 1
    assert work.cancelled == 1


async def test_an_error_is_told_to_all_and_not_kept(cache: QueryCache[int]) -> None:
    work = Work(fails=True)

    assert [type(one) for one in await asked_together(cache, work, 3)] == [IndexUnavailable] * 3
    work.fails = False
    assert await cache.get(OURS, ("q",), work) == 2


async def test_the_one_asked_longest_ago_makes_room(cache: QueryCache[int]) -> None:
    work = Work()
    for key in ("a", "b", "c", "a", "d"):
        await cache.get(OURS, (key,), work)

    assert [await cache.get(OURS, (key,), work) for key in ("a", "d", "b")] == [1, 4, 5]


async def test_a_tenant_that_asks_much_does_not_take_the_room_of_others(cache: QueryCache[int]) -> None:
    work = Work()
    await cache.get(THEIRS, ("theirs",), work)

    for number in range(10):
        await cache.get(OURS, (number,), work)

    assert await cache.get(THEIRS, ("theirs",), work) == 1


async def test_nothing_is_used_for_ever(counts: SearchCounts) -> None:
    now, work = [0.0], Work()
    cache: QueryCache[int] = QueryCache("answers", entries=3, counts=counts, clock=lambda: now[0])

    found = []
    for at in (0.0, KEPT_S - 1, KEPT_S):
        now[0] = at
        found.append(await cache.get(OURS, ("q",), work))

    assert found == [1, 1, 2]


async def test_what_is_old_goes_though_nobody_asks_for_it(counts: SearchCounts) -> None:
    cache: QueryCache[int] = QueryCache("answers", entries=3, counts=counts, keep_s=0.01)

    for _ in range(2):
        for key in "ab":
            await cache.get(OURS, (key,), Work())
        await until(lambda: cache.count == 0)


async def test_what_is_asked_for_again_and_again_goes_at_its_time(counts: SearchCounts) -> None:
    now = [0.0]
    cache: QueryCache[int] = QueryCache("answers", entries=3, counts=counts, keep_s=0.01, clock=lambda: now[0])
    for key in "aba":
        await cache.get(OURS, (key,), Work())
        now[0] += 0.004

    await until(lambda: cache.count == 1)
    now[0] += 0.004

    await until(lambda: cache.count == 0)


async def test_without_entries_nothing_is_kept_or_shared(counts: SearchCounts) -> None:
    cache: QueryCache[int] = QueryCache("answers", entries=0, counts=counts)

    assert await asked_together(cache, Work(), 2) == [1, 2]


async def test_no_question_stays_in_memory(cache: QueryCache[int]) -> None:
    await cache.get(OURS, (f"{SECRET}?",), Work())

    held, seen = [cache], set()
    while held:
        one = held.pop()
        if id(one) not in seen and not isinstance(one, type | type(asyncio)):
            seen.add(id(one))
            assert not (isinstance(one, str) and SECRET in one)
            assert not (isinstance(one, bytes) and SECRET.encode() in one)
            held += [each for each in gc.get_referents(one) if isinstance(each, dict | list | tuple | str | bytes)]
