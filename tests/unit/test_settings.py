import tempfile
from pathlib import Path

import pytest

from rag_service.errors import Misconfigured
from rag_service.settings import Settings, known_names, read_settings

CONFIGURATION = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_a_misspelt_name_stops_the_start() -> None:
    with pytest.raises(Misconfigured, match="RAG_RETRIEVAL__DENSE_WIGHT"):
        read_settings({"RAG_RETRIEVAL__DENSE_WIGHT": "0.5"})


def test_an_impossible_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_RETRIEVAL__DENSE_WEIGHT", "7")

    with pytest.raises(Misconfigured, match="RAG_RETRIEVAL__DENSE_WEIGHT"):
        read_settings()


def test_a_nested_name_changes_only_its_own_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_RETRIEVAL__DENSE_WEIGHT", "0.5")

    settings = read_settings()

    assert settings.retrieval.dense_weight == 0.5
    assert settings.retrieval.candidates == type(settings.retrieval)().candidates


def test_prices_are_read_by_name_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_GENERATION__BACKEND", "openai")
    monkeypatch.setenv("RAG_GENERATION__MODEL", "small-model:1")
    monkeypatch.setenv("RAG_GENERATION__PRICES", '{"small-model:1": {"input": 0.15, "output": 0.6}}')

    price = read_settings().generation.price

    assert price is not None
    assert (price.input, price.output, price.currency) == (0.15, 0.6, "USD")


def test_every_setting_is_documented() -> None:
    text = CONFIGURATION.read_text(encoding="utf-8")

    assert [name for name in known_names() if f"`{name}`" not in text] == []


def test_a_deep_data_folder_has_one_socket_for_all_even_where_a_worker_has_moved_its_temporary_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path / ("deep/" * 20))
    seen_by_the_host = settings.index_socket
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("work/" * 20)))

    assert settings.index_socket == seen_by_the_host
    assert len(str(seen_by_the_host)) < 100
    assert Settings(data_dir=Path("/data")).index_socket == Path("/data/index.sock")
