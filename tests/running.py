"""Starting and stopping the real service, for tests and measurements."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.patience import PATIENCE_S


@dataclass(frozen=True)
class RunningService:
    """A service of the test's own, on a free port, with its own data folder."""

    url: str
    data_dir: Path
    process: subprocess.Popen[bytes]

    @property
    def key(self) -> str:
        """The admin key."""
        return (self.data_dir / "admin.key").read_text(encoding="utf-8").strip()

    def client(self) -> httpx.Client:
        """Return an HTTP client that bears the admin key."""
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {self.key}"}, timeout=PATIENCE_S)

    def cpu_s(self) -> float:
        """Return the processor time that its processes have taken so far, in seconds."""
        total = 0.0
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:4])  # its own, and of those of its children that have ended
        return total

    def login_url(self) -> str:
        """Return a fresh one-time login link."""
        with self.client() as client:
            return str(client.post("/v1/login-links").raise_for_status().json()["url"])


def start_service(data_dir: Path, **settings: str) -> RunningService:
    """Start `rag serve` and wait until it says that it is ready."""
    service = spawn_service(data_dir, **settings)
    _wait_until_ready(service)
    return service


def spawn_service(data_dir: Path, **settings: str) -> RunningService:
    """Start `rag serve`; what it prints goes to serve.log in the data folder."""
    port = free_port()
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rag_service.cli", "serve"],
            env={**os.environ, "RAG_DATA_DIR": str(data_dir), "RAG_PORT": str(port), **settings},
            stdout=log,
            stderr=log,
        )
    return RunningService(url=f"http://127.0.0.1:{port}", data_dir=data_dir, process=process)


def stop_service(service: RunningService) -> None:
    """Stop it as a person would, with an interrupt."""
    service.process.send_signal(signal.SIGINT)
    try:
        service.process.wait(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        service.process.kill()
        raise


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_listening(port: int, process: subprocess.Popen[bytes], *, within_s: float = PATIENCE_S) -> None:
    """Wait until a program listens; it fails when the program ends instead."""
    deadline = time.monotonic() + within_s
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None and time.monotonic() < deadline, f"{process.args} did not start"
        time.sleep(0.02)


def _wait_until_ready(service: RunningService) -> None:
    deadline = time.monotonic() + 2 * PATIENCE_S
    log_path = service.data_dir / "serve.log"
    while time.monotonic() < deadline and service.process.poll() is None:
        if "The service is ready" in log_path.read_text(encoding="utf-8", errors="replace"):
            return
        time.sleep(0.2)
    service.process.kill()
    raise RuntimeError(f"the service did not start:\n{log_path.read_text(encoding='utf-8', errors='replace')[-3000:]}")
