"""`rag stack`: the whole scaled-out service with one command, from packages."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest

from tests.faults.uploading import found_by, new_corpus, settled, upload
from tests.patience import PATIENCE_S
from tests.running import free_port


def started(folder: Path) -> "subprocess.Popen[bytes]":
    settings = {
        "RAG_DATA_DIR": str(folder / "data"),
        "RAG_PORT": str(free_port()),
        "RAG_EMBEDDING__BACKEND": "hashing",
        "RAG_SAMPLE_CORPUS": "false",
    }
    with (folder / "said").open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "rag_service.cli", "stack"], env={**os.environ, **settings}, stdout=said, stderr=said
        )


def until_ready(folder: Path, process: "subprocess.Popen[bytes]") -> list[str]:
    """Return the addresses of both API processes."""
    deadline = time.monotonic() + 2 * PATIENCE_S
    while "second API process is at" not in (text := (folder / "said").read_text()):
        assert process.poll() is None and time.monotonic() < deadline, text
        time.sleep(0.2)
    second = text.rsplit("second API process is at ", 1)[1].split()[0].rstrip(".")
    port = int(second.rsplit(":", 1)[1])
    return [f"http://127.0.0.1:{port - 1}", second]


@pytest.mark.slow
def test_what_is_uploaded_to_one_api_is_found_through_the_other_and_all_ends_with_the_command() -> None:
    folder = Path(tempfile.mkdtemp(prefix="rag-stack-"))
    process = started(folder)
    try:
        one, other = until_ready(folder, process)
        bearer = {"authorization": f"Bearer {(folder / 'data' / 'admin.key').read_text().strip()}"}
        with httpx.Client(base_url=one, headers=bearer, timeout=PATIENCE_S) as client:
            corpus = new_corpus(client, "fruit")
            settled(client, corpus, {"a": upload(client, corpus, "apples.md", b"Apples ripen in autumn.")})
        with httpx.Client(base_url=other, headers=bearer, timeout=PATIENCE_S) as client:
            assert found_by(client, corpus, "When do apples ripen?") == ["apples.md"]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    assert running_over(folder) == []
    shutil.rmtree(folder)


def running_over(folder: Path) -> list[str]:
    """Return the command lines of processes that name the folder."""
    lines = (line.read_bytes().replace(b"\0", b" ").decode() for line in Path("/proc").glob("[0-9]*/cmdline"))
    return [line for line in lines if str(folder) in line]
