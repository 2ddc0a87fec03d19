"""One more API process over the data of a running service, as an operator with more cores would start it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.running import RunningService, free_port

_START_S = 120.0
_STOP_S = 60.0


@contextmanager
def another_api(service: RunningService, **settings: str) -> Iterator[RunningService]:
    """Start it, wait until it is ready, and stop it at the end."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "rag_service.server"],
        env={**os.environ, "RAG_DATA_DIR": str(service.data_dir), "RAG_PORT": str(port), **settings},
        stderr=subprocess.DEVNULL,
    )
    other = RunningService(url=f"http://127.0.0.1:{port}", data_dir=service.data_dir, process=process)
    try:
        _wait_until_ready(other)
        yield other
    finally:
        process.terminate()
        process.wait(_STOP_S)


def _wait_until_ready(service: RunningService) -> None:
    deadline = time.monotonic() + _START_S
    with service.client() as client:
        while time.monotonic() < deadline and service.process.poll() is None:
            try:
                if client.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    raise RuntimeError(f"the second API process did not start: status {service.process.poll()}")
