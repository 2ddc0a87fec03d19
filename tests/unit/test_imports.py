"""Libraries that take seconds to import wait until something needs them, so that every process starts quickly."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SLOW = (
    "torch",
    "sentence_transformers",
    "transformers",
    "onnxruntime",
    "llama_index",
    "openai",
    "unstructured",
    "ragas",
)
OPEN = """
import asyncio
from rag_service.bootstrap import open_container
from rag_service.settings import read_settings

async def open_parts():
    async with open_container(read_settings()):
        pass

asyncio.run(open_parts())
"""


def run(script: str, folder: Path) -> str:
    environ = {**os.environ, "RAG_DATA_DIR": str(folder)}
    finished = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def listing(*names: str) -> str:
    return f"\nimport sys\nprint([name for name in {names!r} if name in sys.modules])"


@pytest.mark.parametrize(
    "module", ["rag_service.app", "ingestion.bootstrap", "eval.bootstrap", "rag_service.retrieval.index_host"]
)
def test_a_process_imports_no_slow_library(module: str, tmp_path: Path) -> None:
    assert run(f"import {module}{listing(*SLOW, 'alembic')}", tmp_path).strip() == "[]"


def test_the_web_server_listens_before_it_imports_the_application(tmp_path: Path) -> None:
    names = ("fastapi", "sqlalchemy", "numpy", "rag_service.bootstrap")

    assert run(f"import rag_service.server{listing(*names)}", tmp_path).strip() == "[]"


@pytest.fixture(scope="module")
def openings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What two processes have imported after opening the default parts, one after the other over one folder."""
    folder = tmp_path_factory.mktemp("data")
    return [run(OPEN + listing(*SLOW, "alembic"), folder).strip() for _ in range(2)]


def test_opening_the_default_parts_loads_no_slow_library(openings: list[str]) -> None:
    assert set(openings) <= {"[]", "['alembic']"}


def test_cutting_a_long_text_loads_no_slow_library(tmp_path: Path) -> None:
    cut = """
from ingestion.chunking.splitting import split
from rag_service.domain.spans import Span
assert len(split("One two. " * 500, Span(0, 4500), budget=40, overlap=0, count_tokens=len)) > 1
"""

    assert run(cut + listing(*SLOW, "nltk"), tmp_path).strip() == "[]"


def test_alembic_is_imported_only_when_there_is_something_to_migrate(openings: list[str]) -> None:
    assert openings == ["['alembic']", "[]"]
