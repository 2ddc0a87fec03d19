"""Bits of FAISS's rows turn over on the disk: a build says so, and is never searched as if it were whole."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rag_service.errors import IndexUnavailable
from rag_service.retrieval.faiss_index import FaissIndex
from rag_service.retrieval.faiss_store import FILE
from rag_service.retrieval.growing_array import GrowingArray
from tests.contract.index_points import found, listed, point, point_id, points
from tests.faults.faiss_folders import BUILD, Opened, opened

__all__ = ["opened"]

_PAGE_BYTES = 16_384
HELD = point("held", terms={77: 0.123457}, principals=frozenset({"board"}))
FORMS = {
    "dense": HELD.dense.tobytes(),
    "terms": HELD.sparse.indices.tobytes() + b"\xf5",
    "weights": HELD.sparse.values.tobytes(),
    "chunk": HELD.chunk_id.encode(),
    "principals": b'["board"]',
}
OTHERS = {
    "dense": "UPDATE vectors SET dense = (SELECT dense FROM vectors WHERE row = 2) WHERE row = 1",
    "weights": "UPDATE vectors SET weights = zeroblob(length(weights)) WHERE row = 1",
    "no vectors": "DELETE FROM vectors WHERE row = 1",
    "another row": "UPDATE vectors SET row = row + 1000 WHERE row = 1",
    "principals": "UPDATE points SET principals = '[\"board\"]' WHERE row = 1",
    "born": "UPDATE points SET born = 0 WHERE row = 1",
    "layout": "PRAGMA user_version = 0",
}


async def written(index: FaissIndex) -> FaissIndex:
    await index.write(BUILD, [*points("p", 20), HELD])
    await index.write("sound", [point("a")])
    return index


def _refused(*_) -> None:
    raise MemoryError


def damage(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / BUILD / FILE)) as rows:
        rows.execute(statement)
        rows.commit()


@pytest.mark.parametrize("form", ["dense", "weights", "chunk", "principals"])
async def test_a_wrong_bit_in_a_row_is_seen_when_the_build_is_opened(opened: Opened, tmp_path, form: str) -> None:
    (await written(opened())).close()
    file = tmp_path / BUILD / FILE
    content = bytearray(file.read_bytes())
    place = content.rindex(FORMS[form])
    content[place + 2] ^= 1
    file.write_bytes(content)

    index = opened()

    assert await index.builds() == {BUILD: None, "sound": 1}
    with pytest.raises(IndexUnavailable, match="damaged"):
        await found(index, BUILD)


@pytest.mark.parametrize("which", OTHERS)
async def test_rows_that_are_not_what_was_written_make_a_build_unreadable(opened: Opened, tmp_path, which: str) -> None:
    (await written(opened())).close()
    damage(tmp_path, OTHERS[which])

    index = opened()

    assert await index.builds() == {BUILD: None, "sound": 1}
    await index.drop(BUILD)
    await index.write(BUILD, points("p", 3))
    assert len(await found(index, BUILD)) == 3


@pytest.mark.parametrize("which", ["dense", "no vectors", "principals"])
async def test_a_damaged_point_is_not_handed_out_by_a_build_that_is_open(opened: Opened, tmp_path, which: str) -> None:
    index = await written(opened())
    damage(tmp_path, OTHERS[which])

    with pytest.raises(IndexUnavailable, match="damaged"):
        index.point_page(BUILD, after=None)


async def test_a_damaged_state_is_neither_handed_out_nor_made_good_by_a_change(opened: Opened, tmp_path) -> None:
    index = await written(opened())
    damage(tmp_path, OTHERS["principals"])

    with pytest.raises(IndexUnavailable, match="row 1 is not what was written"):
        await listed(index, BUILD)
    with pytest.raises(IndexUnavailable, match="row 1 is not what was written"):
        await index.retire(BUILD, [point_id("p0")], at=5)


@pytest.mark.parametrize("which", ["dense", "no vectors", "principals"])
async def test_damage_that_an_open_build_comes_upon_is_told_while_others_are_served(opened, tmp_path, which) -> None:
    index = await written(opened())
    damage(tmp_path, OTHERS[which])
    assert await index.builds() == {BUILD: 21, "sound": 1}

    with pytest.raises(IndexUnavailable):
        index.point_page(BUILD, after=None)

    assert await index.builds() == {BUILD: None, "sound": 1}
    await index.drop(BUILD)
    await index.write(BUILD, points("p", 3))
    assert await index.builds() == {BUILD: 3, "sound": 1}


@pytest.mark.parametrize("change", ["retire", "grant"])
async def test_damage_that_a_change_comes_upon_is_told(opened: Opened, tmp_path, change: str) -> None:
    index = await written(opened())
    damage(tmp_path, OTHERS["principals"])
    given = {"at": 5} if change == "retire" else {"principals": frozenset({"staff"})}

    with pytest.raises(IndexUnavailable, match="row 1 is not what was written"):
        await getattr(index, change)(BUILD, [point_id("p0")], **given)

    assert await index.builds() == {BUILD: None, "sound": 1}


async def test_pages_that_an_open_build_lost_are_told(opened: Opened, tmp_path: Path) -> None:
    index = await written(opened())
    damage(tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)")
    os.truncate(tmp_path / BUILD / FILE, _PAGE_BYTES)

    with pytest.raises(IndexUnavailable, match="malformed"):
        await listed(index, BUILD)

    assert await index.builds() == {BUILD: None, "sound": 1}


async def test_damage_that_shows_when_rows_are_read_again_is_told(opened: Opened, tmp_path, monkeypatch) -> None:
    index = await written(opened())
    damage(tmp_path, "DELETE FROM vectors WHERE row = 1")
    with monkeypatch.context() as short:
        short.setattr(GrowingArray, "append", _refused)
        with pytest.raises(IndexUnavailable):
            await index.write(BUILD, [point("late")])

    with pytest.raises(IndexUnavailable, match="row 1"):
        await found(index, BUILD)

    assert await index.builds() == {BUILD: None, "sound": 1}


async def test_changed_rows_are_what_was_written(opened: Opened) -> None:
    index = await written(opened())
    await index.retire(BUILD, [point_id("p0"), HELD.id], at=5)
    await index.grant(BUILD, [point_id("p0")], principals=frozenset({"board", "staff"}))
    await index.revive(BUILD, [HELD.id])
    before = await listed(index, BUILD)

    index = opened()

    assert await listed(index, BUILD) == before
    assert await index.builds() == {BUILD: 21, "sound": 1}
