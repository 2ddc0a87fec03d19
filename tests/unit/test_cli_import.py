"""`rag index import` against a small service with canned replies."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.canned_service import CannedService, rag, running

VECTORS = "/v1/corpora/handbook/vectors"
WANTED = {"dimensions": 2, "model": "small", "embedder": "f" * 32}


@pytest.fixture
def service() -> Iterator[CannedService]:
    with running() as server:
        server.replies["GET", VECTORS] = [(200, WANTED)]
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.jsonl").write_text(f"{row('a')}\n\n{row('b')}\n")
    (tmp_path / "two.jsonl.gz").write_bytes(gzip.compress(row("c").encode()))
    return tmp_path


def row(name: str, **changes: Any) -> str:
    return json.dumps({"id": name, "text": f"Text of {name}.", "vector": [0.6, 0.8]} | changes)


def keep(service: CannedService, **kept: bool) -> None:
    data = [{"document_key": name, "kept": is_kept} for name, is_kept in kept.items()]
    service.replies["POST", VECTORS] = [(200, {"data": data})]


def asked(service: CannedService) -> list[tuple[str, str]]:
    return [(method, path.rstrip("?")) for method, path, _ in service.asked if method == "POST"]


def test_vectors_are_sent_before_their_rows(service: CannedService, folder: Path) -> None:
    keep(service, a=True, b=True, c=True)

    result = rag(service, "index", "import", str(folder), "--corpus", "handbook")

    assert result.stdout == "3 rows are in handbook; 3 vectors were taken over.\n"
    assert asked(service) == [("POST", VECTORS), ("POST", "/v1/corpora/handbook/rows")]


def test_rows_that_were_embedded_are_counted_and_named(service: CannedService, folder: Path) -> None:
    keep(service, a=True, b=False, c=True)

    result = rag(service, "index", "import", str(folder), "--corpus", "handbook")

    assert "2 vectors were taken over" in result.stdout
    assert "1 rows are longer than one chunk, or not plain text, and were embedded:\n  b\n" in result.stdout


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (row("d", vector=[float("nan"), 1]), "line 1: the vector holds a value that is not finite"),
        (row("d", vector=[1]), "line 1: the vector has 1 dimensions, wanted are 2"),
        (row("d", embedder="large"), "line 1: the vector is of large, the service embeds with small"),
        (row("a"), "line 1: the id a occurs twice"),
        ("{", "line 1: not JSON"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_before_anything_is_uploaded(
    service: CannedService, folder: Path, line: str, said: str
) -> None:
    (folder / "zzz.jsonl").write_text(line)

    result = rag(service, "index", "import", str(folder), "--corpus", "handbook")

    assert result.exit_code == 1 and f"zzz.jsonl, {said}" in result.stderr
    assert asked(service) == []


def test_a_folder_without_rows_is_told(service: CannedService, tmp_path: Path) -> None:
    result = rag(service, "index", "import", str(tmp_path), "--corpus", "handbook")

    assert result.exit_code == 1 and "no .jsonl or .jsonl.gz file" in result.stderr
