import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag_service.errors import IndexUnavailable, Misconfigured
from rag_service.retrieval.faiss_index import FaissIndex
from rag_service.retrieval.index_engines import IndexEngines
from rag_service.settings import RetrievalSettings, Settings


@pytest.fixture
def without_faiss(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("rag_service.retrieval.faiss_")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "faiss", None)


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[IndexEngines]:
    opened = IndexEngines(Settings(data_dir=tmp_path))
    opened.open()
    yield opened
    opened.close()


def test_an_engine_that_was_chosen_and_is_not_installed_is_told_with_its_remedy(without_faiss, tmp_path: Path) -> None:
    engines = IndexEngines(Settings(data_dir=tmp_path, retrieval=RetrievalSettings(backend="faiss")))

    with pytest.raises(Misconfigured, match=r"faiss is not installed: pip install 'rag-service\[faiss\]'"):
        engines.open()


async def test_an_engine_that_is_not_installed_is_unavailable_and_the_other_one_is_not(without_faiss, engines) -> None:
    refused = await engines.answer({"engine": "faiss", "op": "builds"})

    assert refused["error"] == "IndexUnavailable"
    assert "rag-service[faiss]" in refused["message"]
    assert await engines.answer({"engine": "edge", "op": "builds"}) == {"result": {}}


async def test_an_engine_with_a_folder_is_opened_at_the_start(engines: IndexEngines, tmp_path: Path) -> None:
    assert list(engines.counts()) == ["edge"]
    await engines.answer({"engine": "faiss", "op": "builds"})
    engines.close()

    again = IndexEngines(Settings(data_dir=tmp_path))
    again.open()

    assert list(again.counts()) == ["edge", "faiss"]
    again.close()


async def test_an_engine_whose_folder_cannot_be_made_is_unavailable(engines: IndexEngines, tmp_path: Path) -> None:
    (tmp_path / "index-faiss").write_text("in the way")

    assert (await engines.answer({"engine": "faiss", "op": "builds"}))["error"] == "IndexUnavailable"


async def test_a_folder_that_cannot_be_read_is_an_index_that_is_away(engines: IndexEngines, tmp_path: Path) -> None:
    (tmp_path / "index" / "b" / "current").mkdir(parents=True)

    assert (await engines.answer({"engine": "edge", "op": "builds"}))["error"] == "IndexUnavailable"


async def test_an_engine_that_could_not_be_looked_through_is_opened_anew(
    engines: IndexEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_self: FaissIndex) -> None:
        raise IndexUnavailable("The disk is away.")

    with monkeypatch.context() as patch:
        patch.setattr(FaissIndex, "counts", away)
        assert (await engines.answer({"engine": "faiss", "op": "builds"}))["error"] == "IndexUnavailable"
        assert list(engines.counts()) == ["edge"]

    assert await engines.answer({"engine": "faiss", "op": "builds"}) == {"result": {}}


async def test_a_message_for_no_engine_is_refused(engines: IndexEngines) -> None:
    assert (await engines.answer({"op": "builds"}))["error"] == "InvalidRequest"
