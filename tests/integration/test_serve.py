"""`rag serve`: what survives a stop, a crash of a part, and a second start over the same folder."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil
import pytest

from tests.patience import PATIENCE_S
from tests.running import RunningService, start_service, stop_service

FAST = {"RAG_EMBEDDING__BACKEND": "hashing", "RAG_SAMPLE_CORPUS": "false", "RAG_JOBS__DRAFT_PATIENCE_S": "0"}


@dataclass(frozen=True)
class Restarted:
    """A service that was given a note, stopped, and started again."""

    key_before: str
    service: RunningService


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restarted]:
    data_dir = tmp_path_factory.mktemp("serve") / "data"
    before = start_service(data_dir, **FAST)
    try:
        _add_note(before)
        key = before.key
    finally:
        stop_service(before)
    after = start_service(data_dir, **FAST)
    yield Restarted(key, after)
    stop_service(after)


@pytest.fixture(scope="module")
def running(restarted: Restarted) -> RunningService:
    return restarted.service


def test_everything_is_kept_over_a_restart(restarted: Restarted) -> None:
    assert restarted.service.key == restarted.key_before
    assert "22:30" in _search(restarted.service)


def test_the_admin_key_can_be_read_by_its_owner_alone(running: RunningService) -> None:
    assert (running.data_dir / "admin.key").stat().st_mode & 0o077 == 0
    assert running.data_dir.stat().st_mode & 0o077 == 0


def test_a_second_service_over_the_same_folder_is_refused_in_words(running: RunningService) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "rag_service.cli", "serve"],
        env={"RAG_DATA_DIR": str(running.data_dir), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert second.returncode != 0
    assert "Another service runs" in second.stdout + second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize("part", ["rag_service.retrieval.index_host", "ingestion.worker", "rag_service.server"])
def test_a_part_that_is_killed_comes_back(running: RunningService, part: str) -> None:
    _children(running)[part].kill()

    _add_note(running)

    assert "22:30" in _search(running)


def test_the_parts_end_when_the_supervisor_is_killed(running: RunningService) -> None:
    """The last test here, as it ends the service of the others."""
    children = list(_children(running).values())

    running.process.kill()
    running.process.wait()

    _, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
    assert alive == []


def _children(service: RunningService) -> dict[str, psutil.Process]:
    children = psutil.Process(service.process.pid).children()
    return {child.cmdline()[-1]: child for child in children}


def _add_note(service: RunningService) -> None:
    corpus = f"notes-{time.monotonic_ns()}"
    note = ("parking.md", b"# Parking\n\nThe car park closes at 22:30 on weekdays.\n")
    with service.client() as http:
        _until(lambda: http.get("/readyz").is_success)
        http.post("/v1/vector_stores", json={"name": corpus}).raise_for_status()
        file_id = http.post("/v1/files", files={"file": note}).raise_for_status().json()["id"]
        path = f"/v1/vector_stores/{corpus}/files"
        http.post(path, json={"file_id": file_id}).raise_for_status()
        _until(lambda: http.get(f"{path}/{file_id}").json()["status"] == "completed")


def _search(service: RunningService) -> str:
    with service.client() as http:
        _until(lambda: http.get("/readyz").is_success)
        newest = http.get("/v1/vector_stores").raise_for_status().json()["data"][0]["id"]
        found = http.post(f"/v1/vector_stores/{newest}/search", json={"query": "When does the car park close?"})
    return found.raise_for_status().text


def _until(holds: Callable[[], bool], *, limit_s: float = 120) -> None:
    deadline = time.monotonic() + limit_s
    while not _holds(holds):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def _holds(condition: Callable[[], bool]) -> bool:
    import httpx

    try:
        return condition()
    except httpx.TransportError:
        return False
