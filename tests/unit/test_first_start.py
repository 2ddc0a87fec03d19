"""The sample corpus on a first start: its golden questions come after its chapters, and never stop the start."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag_service.sample import chapters
from rag_service.settings import Settings
from rag_service.supervisor.first_start import load_sample
from tests.unit.canned_service import CannedService, running

IMPORT = "/v1/corpora/handbook/golden/import"


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        yield server


@pytest.fixture
def settings(service: CannedService, tmp_path: Path) -> Settings:
    (tmp_path / "admin.key").write_text("k")
    return Settings(data_dir=tmp_path, port=service.server_port)


def test_golden_questions_come_after_the_chapters_and_once(service: CannedService, settings: Settings) -> None:
    service.replies["POST", IMPORT] = [(200, {"added": 56, "duplicates": 0, "refused": []})]
    said: list[str] = []

    load_sample(settings, said.append)
    load_sample(settings, said.append)

    imports = [index for index, (_, path, _) in enumerate(service.asked) if path.startswith(IMPORT)]
    assert imports == [len(service.asked) - 1]
    assert len(service.added) == len(chapters())
    assert said[-1] == "Loaded 56 golden questions of the sample corpus"


def test_golden_questions_that_cannot_be_loaded_do_not_stop_the_start(
    service: CannedService, settings: Settings
) -> None:
    said: list[str] = []

    load_sample(settings, said.append)

    assert "are not loaded" in said[-1]
    assert (settings.data_dir / "sample.loaded").exists()
