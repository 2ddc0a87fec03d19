"""A compaction copies the rows of a FAISS build: nobody waits for it, and nothing is lost meanwhile."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from rag_service.errors import IndexUnavailable
from rag_service.retrieval import faiss_copy, faiss_store
from rag_service.retrieval.faiss_copy import RowCopy
from rag_service.retrieval.faiss_index import FaissIndex
from rag_service.retrieval.faiss_store import FILE, RowStore
from rag_service.retrieval.index_room import _RESERVE_BYTES
from tests.contract.index_points import assert_same, found, listed, point, point_id, points
from tests.faults.faiss_folders import BUILD, Opened, opened
from tests.patience import PATIENCE_S, until

__all__ = ["opened"]


class Held:
    """A copy that has begun and does not end before it is let go."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.may_end = threading.Event()

    async def until_it_began(self) -> None:
        await asyncio.to_thread(self.began.wait, PATIENCE_S)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    copying, make = Held(), RowCopy.make

    def slow(copy: RowCopy) -> None:
        make(copy)
        copying.began.set()
        copying.may_end.wait(PATIENCE_S)

    monkeypatch.setattr(RowCopy, "make", slow)
    yield copying
    copying.may_end.set()


def refused(*_) -> None:
    raise OSError("no space left")


async def change_everything(index: FaissIndex) -> None:
    await index.write(BUILD, [point("p1", terms={1: 9.0}), *points("late", 40)])
    await index.purge(BUILD, [point_id("p2"), point_id("late0"), point_id("late39")])
    await index.retire(BUILD, [point_id("p3"), point_id("late1")], at=1)
    await index.grant(BUILD, [point_id("p4")], principals=frozenset({"board"}))
    await index.remove_corpus(BUILD, point("other").corpus_id)


async def test_changes_that_come_while_rows_are_copied_wait_for_nothing_and_stay(opened: Opened, held: Held) -> None:
    index = opened()
    await index.write(BUILD, points("p", 100))
    compacting = asyncio.create_task(index.compact(BUILD))
    await held.until_it_began()
    await change_everything(index)
    before, states = await found(index, BUILD), await listed(index, BUILD)
    held.may_end.set()
    await compacting
    assert await listed(index, BUILD) == states

    index = opened()

    assert_same(await found(index, BUILD), before)
    assert await listed(index, BUILD) == states


async def test_a_copy_catches_up_bit_by_bit(opened: Opened, monkeypatch) -> None:
    monkeypatch.setattr(faiss_copy, "_ROWS_AT_ONCE", 3)
    index = opened()
    await index.write(BUILD, points("p", 200))

    compacting = asyncio.create_task(index.compact(BUILD))
    for number in range(60):
        await index.write(BUILD, [point("p1", terms={1: 1.0 + number}), point(f"late{number}")])
        await index.purge(BUILD, [point_id(f"p{number + 100}")])
    await compacting

    states = await listed(index, BUILD)
    assert len(states) == 200
    assert await listed(opened(), BUILD) == states


async def test_a_copy_that_nobody_waits_for_any_more_is_put_in_place(opened: Opened, held: Held, tmp_path) -> None:
    index, rows = opened(), tmp_path / BUILD / FILE
    await index.write(BUILD, points("p", 100))
    before = rows.stat().st_ino
    compacting = asyncio.create_task(index.compact(BUILD))
    await held.until_it_began()
    compacting.cancel()
    await index.purge(BUILD, [point_id("p1")])
    held.may_end.set()

    await until(lambda: rows.stat().st_ino != before, "the copy is in its place")

    await index.compact(BUILD)
    assert len(await listed(index, BUILD)) == 99
    assert list((tmp_path / BUILD).glob("copy-*")) == []


async def test_a_build_that_is_dropped_while_it_is_copied_is_gone(opened: Opened, held: Held, tmp_path) -> None:
    index = opened()
    await index.write(BUILD, points("p", 100))
    compacting = asyncio.create_task(index.compact(BUILD))
    await held.until_it_began()

    await index.drop(BUILD)
    held.may_end.set()

    with pytest.raises(IndexUnavailable):
        await compacting
    assert await index.builds() == {}
    assert {path.name for path in tmp_path.iterdir()} == {".lock"}


async def test_a_copy_that_cannot_be_finished_leaves_the_rows_as_they_were(
    opened: Opened, monkeypatch, tmp_path
) -> None:
    index = opened()
    await index.write(BUILD, points("p", 100))
    monkeypatch.setattr(RowCopy, "finish", refused)

    with pytest.raises(IndexUnavailable, match="no space left"):
        await index.compact(BUILD)

    await index.write(BUILD, points("late", 5))
    assert len(await listed(index, BUILD)) == len(await found(index, BUILD, limit=200)) == 105
    assert list((tmp_path / BUILD).glob("copy-*")) == []


async def test_rows_that_cannot_be_opened_after_a_copy_took_their_place_are_opened_later(opened, monkeypatch) -> None:
    index = opened()
    await index.write(BUILD, points("p", 100))
    replace = RowStore._replace_by
    with monkeypatch.context() as refusing:

        def last(store: RowStore, file: Path) -> None:
            replace(store, file)
            refusing.setattr(faiss_store, "_connected", refused)

        refusing.setattr(RowStore, "_replace_by", last)
        with suppress(IndexUnavailable):
            await index.compact(BUILD)
        with pytest.raises(IndexUnavailable):
            await listed(index, BUILD)

    await index.write(BUILD, points("late", 5))
    assert len(await listed(index, BUILD)) == len(await found(index, BUILD, limit=200)) == 105


async def test_a_copy_for_which_there_is_no_room_is_not_begun(opened: Opened, monkeypatch, tmp_path) -> None:
    index = opened()
    await index.write(BUILD, points("p", 100))
    takes = sum((tmp_path / BUILD / name).stat().st_size for name in (FILE, f"{FILE}-wal"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=_RESERVE_BYTES + takes - 1))
    monkeypatch.setattr(RowCopy, "make", refused)

    with pytest.raises(IndexUnavailable, match="disk is full"):
        await index.compact(BUILD)

    await index.write(BUILD, points("late", 5))
    assert len(await listed(index, BUILD)) == len(await found(index, BUILD, limit=200)) == 105


async def test_a_copy_that_a_crash_left_is_removed(opened: Opened, tmp_path: Path) -> None:
    index = opened()
    await index.write(BUILD, points("p", 3))
    index.close()
    (tmp_path / BUILD / "copy-1.db").touch()

    assert await opened().builds() == {BUILD: 3}

    assert not (tmp_path / BUILD / "copy-1.db").exists()


def test_the_number_of_a_row_that_came_and_went_while_rows_were_copied_is_not_given_again(tmp_path: Path) -> None:
    RowStore.create(tmp_path / FILE, dimensions=8, token="t")
    store = RowStore(tmp_path / FILE)
    store.add([point("a")])
    with store.copied(stopped=lambda: False) as copy:
        [gone], _ = store.add([point("b")])
        store.remove([point_id("b")])
        store.put_in_place(copy)

    [fresh], _ = store.add([point("c")])

    assert fresh.row > gone.row
    store.close()


def test_a_copy_that_is_stopped_is_given_up(tmp_path: Path) -> None:
    RowStore.create(tmp_path / FILE, dimensions=8, token="t")
    store = RowStore(tmp_path / FILE)
    store.add(points("p", 5_000))

    with pytest.raises(IndexUnavailable, match="interrupted"), store.copied(stopped=lambda: True):
        pass

    assert list(tmp_path.glob("copy-*")) == []
    store.close()
