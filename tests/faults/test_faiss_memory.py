"""Memory is refused while it follows what disk already has: it never keeps a difference."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from rag_service.domain.access import EVERYONE
from rag_service.errors import IndexUnavailable
from rag_service.retrieval import faiss_rows
from rag_service.retrieval.faiss_index import FaissIndex
from rag_service.retrieval.growing_array import GrowingArray
from tests.contract.index_points import assert_same, chunks, found, listed, point, point_id, points
from tests.faults.faiss_folders import BUILD, Opened, opened

__all__ = ["opened"]

Change = Callable[[FaissIndex], Coroutine[Any, Any, None]]
CHANGES: dict[str, Change] = {
    "write": lambda index: index.write(BUILD, [point("p1", terms={1: 7.0}), *points("late", 5)]),
    "retire": lambda index: index.retire(BUILD, [point_id("p2")], at=1),
    "grant": lambda index: index.grant(BUILD, [point_id("p3")], principals=frozenset({"board"})),
    "purge": lambda index: index.purge(BUILD, [point_id("p4")]),
    "remove_corpus": lambda index: index.remove_corpus(BUILD, point("p").corpus_id),
    "compact": lambda index: index.compact(BUILD),
}


def refuse_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *, after: int = 0) -> None:
    """Let memory be short at one call of a function, the first one or a later one."""
    real, calls = getattr(owner, name), iter(range(10**6))

    def short(*given, **named):
        if next(calls) == after:
            raise MemoryError
        return real(*given, **named)

    monkeypatch.setattr(owner, name, short)


async def filled(index: FaissIndex) -> FaissIndex:
    await index.write(BUILD, points("p", 50))
    await index.optimise(BUILD)
    await index.write(BUILD, points("newer", 10))
    await index.purge(BUILD, [point_id("p0"), point_id("newer0")])
    return index


@pytest.mark.parametrize(
    ("change", "part"),
    [("write", "append"), ("write", "set"), ("retire", "set"), ("grant", "set"), ("purge", "set"),
     ("remove_corpus", "set"), ("compact", "pick")],
)  # fmt: skip
async def test_a_change_that_memory_refused_is_read_from_disk(opened: Opened, monkeypatch, change, part) -> None:
    index = await filled(opened())
    refuse_once(monkeypatch, GrowingArray, part)

    with pytest.raises(IndexUnavailable, match="could not follow a change"):
        await CHANGES[change](index)

    after, counted = await found(index, BUILD), await index.builds()
    again = opened()
    assert_same(after, await found(again, BUILD))
    assert counted == await again.builds() == {BUILD: len(await listed(again, BUILD))}


@pytest.mark.parametrize("column", range(10))
async def test_a_write_that_is_repeated_is_there_once_whichever_column_was_refused(opened, monkeypatch, column) -> None:
    index = await filled(opened())
    refuse_once(monkeypatch, GrowingArray, "append", after=column)

    with pytest.raises(IndexUnavailable):
        await CHANGES["write"](index)
    await CHANGES["write"](index)

    seen = chunks(await found(index, BUILD))
    assert len(seen) == len(set(seen)) == len(await listed(index, BUILD)) == 58 + 5


@pytest.mark.parametrize("change", ["write", "purge", "compact"])
async def test_any_error_in_memory_is_as_good_as_a_refusal(opened: Opened, monkeypatch, change: str) -> None:
    def broken(*_) -> None:
        raise ValueError("no reason")

    index = await filled(opened())
    with monkeypatch.context() as broken_for_now:
        for name in ("append", "remove", "keep"):
            broken_for_now.setattr(faiss_rows.Columns, name, broken)
        with pytest.raises(ValueError, match="no reason"):
            await CHANGES[change](index)

    assert len(await found(index, BUILD)) == len(await listed(index, BUILD))


async def test_the_structure_is_kept_while_rows_are_read_again(opened: Opened, monkeypatch) -> None:
    index = await filled(opened(kind="hnsw"))
    refuse_once(monkeypatch, GrowingArray, "set")
    with pytest.raises(IndexUnavailable):
        await CHANGES["retire"](index)

    exact, near = [await found(index, BUILD, limit=10, exact=exact) for exact in (True, False)]

    assert_same(near, exact)
    # Gone rows that no structure holds are not read again.
    assert index.unindexed_count(BUILD) == 9


async def test_rows_that_cannot_be_read_again_are_refused_and_not_tried_with_each_search(opened, monkeypatch) -> None:
    index = await filled(opened())
    refuse_once(monkeypatch, GrowingArray, "set")
    with pytest.raises(IndexUnavailable):
        await CHANGES["retire"](index)
    refuse_once(monkeypatch, GrowingArray, "append", after=3)

    for reason in ("hold the rows of a build", "could not be read again"):
        with pytest.raises(IndexUnavailable, match=reason):
            await found(index, BUILD)
    with pytest.raises(IndexUnavailable, match="could not be read again"):
        await index.write(BUILD, points("more", 1))

    assert await index.builds() == {BUILD: 58}


async def test_a_point_is_readable_by_whom_disk_says_after_a_refused_grant(opened: Opened, monkeypatch) -> None:
    index = await filled(opened())
    refuse_once(monkeypatch, GrowingArray, "set")

    with pytest.raises(IndexUnavailable):
        await CHANGES["grant"](index)

    assert "p3" not in chunks(await found(index, BUILD))
    assert {EVERYONE} not in [set(s.principals) for s in await listed(index, BUILD) if s.chunk_id == "p3"]
