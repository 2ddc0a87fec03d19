"""How long written answers stay in memory, and how many."""

import asyncio

import pytest

from rag_service.domain.answers import UnitEmitted
from rag_service.domain.ids import TenantId
from rag_service.settings import AnswerSettings
from rag_service.use_cases.answering.answer_cache import AnswerCache
from rag_service.use_cases.answering.answer_key import AnswerKey
from rag_service.use_cases.answering.written import Written

MINE, THEIRS = TenantId("mine"), TenantId("theirs")
WRITTEN = Written(units=(UnitEmitted(text="x" * 100),))


def filled(settings: AnswerSettings, *names: str, tenant_id: TenantId = MINE) -> AnswerCache:
    cache = AnswerCache(settings)
    for name in names:
        cache.putter(AnswerKey(name), tenant_id)(WRITTEN)
    return cache


async def test_the_one_used_least_recently_goes_first() -> None:
    cache = filled(AnswerSettings(cache_entries=2), "a", "b")
    cache.get(AnswerKey("a"))

    cache.putter(AnswerKey("c"), MINE)(WRITTEN)

    assert [name for name in "abc" if cache.get(AnswerKey(name))] == ["a", "c"]


async def test_no_more_bytes_are_kept_than_allowed() -> None:
    cache = filled(AnswerSettings(cache_bytes=2 * WRITTEN.size_bytes), *"abc")

    assert (cache.count, cache.size_bytes) == (2, 2 * WRITTEN.size_bytes)


@pytest.mark.parametrize("settings", [AnswerSettings(cache_entries=0), AnswerSettings(cache_bytes=0)])
async def test_without_room_nothing_is_kept(settings: AnswerSettings) -> None:
    assert filled(settings, "a").count == 0


async def test_an_answer_leaves_memory_in_time_though_nobody_asks_for_it() -> None:
    cache = filled(AnswerSettings(cache_s=0.01), "a")

    await asyncio.sleep(0.1)

    assert (cache.count, cache.size_bytes) == (0, 0)


async def test_a_second_answer_under_a_key_takes_the_place_of_the_first() -> None:
    cache = filled(AnswerSettings(), "a", "a")

    assert (cache.count, cache.size_bytes) == (1, WRITTEN.size_bytes)


async def test_only_the_tenant_in_question_is_forgotten() -> None:
    cache = filled(AnswerSettings(), "a", "b")
    cache.putter(AnswerKey("c"), THEIRS)(WRITTEN)

    cache.forget(MINE)

    assert cache.tenants == {THEIRS}


async def test_what_was_being_written_when_something_was_forgotten_is_not_kept() -> None:
    cache = AnswerCache(AnswerSettings())
    put = cache.putter(AnswerKey("a"), MINE)

    cache.forget(MINE)
    put(WRITTEN)

    assert cache.count == 0


@pytest.mark.parametrize("written", [Written(failed=True), Written(by_stand_in=True)], ids=["failed", "by stand-in"])
async def test_what_came_about_without_the_model_is_not_kept(written: Written) -> None:
    cache = AnswerCache(AnswerSettings())

    cache.putter(AnswerKey("a"), MINE)(written)

    assert cache.count == 0
