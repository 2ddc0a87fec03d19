"""Starting and stopping the scaled-out service, for tests and measurements."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import PATIENCE_S
from tests.running import RunningService, free_port

_SECOND = "The second API process is at "


@contextmanager
def running_stack(**settings: str) -> Iterator[tuple[RunningService, RunningService]]:
    """Run `rag stack` over a new folder, without the sample corpus; yield its two API processes."""
    # A path short enough for sockets.
    with tempfile.TemporaryDirectory(prefix="rag-stack-") as folder:
        data_dir, said = Path(folder) / "data", Path(folder) / "said"
        own = {"RAG_DATA_DIR": str(data_dir), "RAG_PORT": str(free_port()), "RAG_SAMPLE_CORPUS": "false"}
        with said.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "rag_service.cli", "stack"],
                env={**os.environ, **own, **settings},
                stdout=log,
                stderr=log,
            )
        try:
            first = f"http://127.0.0.1:{own['RAG_PORT']}"
            yield (
                RunningService(url=first, data_dir=data_dir, process=process),
                RunningService(url=_second_url(said, process), data_dir=data_dir, process=process),
            )
        finally:
            process.send_signal(signal.SIGINT)
            status = process.wait(PATIENCE_S)
        assert status == 0, said.read_text(errors="replace")[-3000:]


def _second_url(said: Path, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + 2 * PATIENCE_S
    while _SECOND not in (text := said.read_text(errors="replace")):
        assert process.poll() is None and time.monotonic() < deadline, text
        time.sleep(0.2)
    return text.rsplit(_SECOND, 1)[1].split()[0].rstrip(".")
