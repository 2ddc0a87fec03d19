"""A damaged Edge build costs one try in a minute, and nothing when it has been dropped."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag_service.domain.ids import Fingerprint
from rag_service.errors import IndexUnavailable
from rag_service.retrieval.edge_shard import Shard
from rag_service.retrieval.qdrant_edge import EdgeIndex
from tests.contract.index_points import chunks, found, points

BUILD = Fingerprint("b" * 32)


@pytest.fixture
async def damaged(tmp_path: Path) -> AsyncIterator[EdgeIndex]:
    written = EdgeIndex(tmp_path, exact_below=10)
    await written.write(BUILD, points("a", 3))
    written.close()
    cut_off(tmp_path)
    index = EdgeIndex(tmp_path, exact_below=10)
    yield index
    index.close()


def cut_off(folder: Path) -> None:
    for file in folder.glob("**/segment.json"):
        os.truncate(file, 0)


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    tried: list[Path] = []
    load = Shard.load

    def counted(path: Path) -> Shard:
        tried.append(path)
        return load(path)

    monkeypatch.setattr(Shard, "load", counted)
    return tried


async def test_it_is_not_opened_again_for_every_question(damaged: EdgeIndex, tries: list[Path]) -> None:
    for _ in range(3):
        with pytest.raises(IndexUnavailable, match="open the shard"):
            await found(damaged, BUILD)

    assert await damaged.builds() == {BUILD: None}
    assert len(tries) == 1


async def test_what_is_written_in_its_place_is_found_at_once(damaged: EdgeIndex) -> None:
    with pytest.raises(IndexUnavailable):
        await found(damaged, BUILD)

    await damaged.drop(BUILD)
    await damaged.write(BUILD, points("b", 2))

    assert chunks(await found(damaged, BUILD)) == ["b0", "b1"]
