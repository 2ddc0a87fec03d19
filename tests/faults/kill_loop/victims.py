"""The service as three processes that can be killed, and are back a moment later."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.running import free_port

PROGRAMS = ("api", "worker", "index_host")
_READY_S = 60
_SHOWN_CHARS = 4000
_SETTINGS = {
    "RAG_EMBEDDING__BACKEND": "hashing",
    "RAG_EMBEDDING__DIMENSIONS": "32",
    # So that a document of a few sentences has several chunks.
    "RAG_CHUNKING__TARGET_TOKENS": "32",
    # What a dead worker held is taken up soon, and there are attempts enough for every kill.
    "RAG_JOBS__LEASE_S": "1",
    "RAG_JOBS__POLL_S": "0.1",
    "RAG_JOBS__MAX_ATTEMPTS": "100000",
    "RAG_JOBS__DRAFT_PATIENCE_S": "0.5",
    "RAG_SAMPLE_CORPUS": "false",
    "OPENBLAS_NUM_THREADS": "1",
}


@dataclass
class Victims:
    """Programs over one data folder; `pids` are those that run now."""

    data_dir: Path
    url: str
    zygote: "subprocess.Popen[str]"
    pids: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The admin key."""
        return (self.data_dir / "admin.key").read_text(encoding="utf-8").strip()

    def start(self, name: str) -> None:
        """Start a program; the one before it must have died by our hand."""
        assert self.zygote.stdin is not None and self.zygote.stdout is not None
        self.zygote.stdin.write(f"{name}\n")
        self.zygote.stdin.flush()
        pid, ended = self.zygote.stdout.readline().split()
        is_ours = name not in self.pids or int(ended) == signal.SIGKILL
        self.pids[name] = int(pid)
        assert is_ours, f"{name} ended by itself, with wait status {ended}"

    def kill(self, names: Sequence[str]) -> None:
        """End programs as a power cut would, and start them again."""
        for name in names:
            os.kill(self.pids[name], signal.SIGKILL)
        for name in names:
            self.start(name)

    def wait_until_ready(self) -> None:
        """Wait until the API answers and reaches the index."""
        deadline = time.monotonic() + _READY_S
        with httpx.Client(base_url=self.url, timeout=10) as client:
            while not _is_ready(client):
                assert time.monotonic() < deadline, "the service is not ready"
                time.sleep(0.05)

    def logs(self) -> str:
        """Return the end of what the programs said."""
        texts = {path.name: path.read_text(encoding="utf-8") for path in sorted((self.data_dir / "logs").iterdir())}
        return "\n".join(f"--- {name}\n{text[-_SHOWN_CHARS:]}" for name, text in texts.items())


@contextmanager
def running(data_dir: Path) -> Iterator[Victims]:
    """Run the three programs over a new folder."""
    temporary = data_dir / "tmp"  # a killed worker leaves its parsers' folders behind
    temporary.mkdir(parents=True)
    port = free_port()
    own = {"RAG_DATA_DIR": str(data_dir), "RAG_PORT": str(port), "TMPDIR": str(temporary)}
    zygote = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.kill_loop.zygote"],
        env={**os.environ, **_SETTINGS, **own},
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        victims = Victims(data_dir=data_dir, url=f"http://127.0.0.1:{port}", zygote=zygote)
        for name in PROGRAMS:
            victims.start(name)
        victims.wait_until_ready()
        yield victims
    finally:
        # The end of its input is the end of its children and then of itself.
        zygote.communicate(timeout=_READY_S)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
