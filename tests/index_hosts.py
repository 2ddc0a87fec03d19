"""The index host as a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import PATIENCE_S

_COMMAND = [sys.executable, "-m", "rag_service.retrieval.index_host"]


class RunningHost:
    """An index host over `data_dir`, which stays when the process ends."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self.socket = data_dir / "index.sock"
        self._settings = settings
        self.process = self._start()

    def stop(self) -> int:
        """Ask the process to end; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def start_again(self) -> None:
        self.process = self._start()

    def second(self) -> "subprocess.CompletedProcess[str]":
        """Start another host over the same folder, and wait for it to end."""
        return subprocess.run(  # noqa: S603 - our own program
            _COMMAND, env=self._environ(), capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    def _start(self) -> "subprocess.Popen[bytes]":
        self.socket.unlink(missing_ok=True)
        process = subprocess.Popen(_COMMAND, env=self._environ())  # noqa: S603 - our own program
        deadline = time.monotonic() + PATIENCE_S
        while not self.socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                message = f"the index host did not start: status {process.poll()}"
                raise RuntimeError(message)
            time.sleep(0.02)
        return process

    def _environ(self) -> dict[str, str]:
        return {**os.environ, "RAG_DATA_DIR": str(self.data_dir), "RAG_LOG__LEVEL": "error", **self._settings}


@contextmanager
def running_host(kept: Path | None = None, **settings: str) -> Iterator[RunningHost]:
    """Run a host over a new folder, with a path short enough for a socket, or over one that is `kept`."""
    data_dir = kept or Path(tempfile.mkdtemp(prefix="rag-index-"))
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        host = RunningHost(data_dir, **settings)
        try:
            yield host
        finally:
            if host.process.poll() is None:
                host.kill()
    finally:
        if kept is None:
            shutil.rmtree(data_dir)


def children(host: RunningHost) -> list[int]:
    """Return the processes in which the host rebuilds something now."""
    number = host.process.pid
    return [int(child) for child in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
