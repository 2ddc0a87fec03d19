"""The service as processes that can be killed, and are back a moment later."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.patience import PATIENCE_S
from tests.running import free_port
from tests.valkey import RunningValkey, running_valkey

BROKER = "broker"
PROGRAMS = {
    "polled": ("api", "worker", "index_host"),
    "celery": ("api", "celery_worker", "index_host", "beat", BROKER),
}
"""The programs of each dispatcher."""

_SHOWN_CHARS = 4000
_SETTINGS = {
    "RAG_EMBEDDING__BACKEND": "hashing",
    "RAG_EMBEDDING__DIMENSIONS": "32",
    # So that a document of a few sentences has several chunks.
    "RAG_CHUNKING__TARGET_TOKENS": "32",
    # So that several jobs embed a document of three paragraphs.
    "RAG_JOBS__PART_CHUNKS": "2",
    # What a dead worker held is taken up soon, and there are attempts enough for every kill.
    "RAG_JOBS__LEASE_S": "1",
    "RAG_JOBS__POLL_S": "0.1",
    "RAG_JOBS__MAX_ATTEMPTS": "100000",
    "RAG_JOBS__DRAFT_PATIENCE_S": "0.5",
    "RAG_SAMPLE_CORPUS": "false",
    "OPENBLAS_NUM_THREADS": "1",
}
_CELERY = {
    "RAG_QUEUE__BACKEND": "celery",
    "RAG_QUEUE__SWEEP_S": "0.3",
    "RAG_QUEUE__REDELIVERY_S": "2",
    # Beat ends when workers stay away: here they are killed all the time.
    "RAG_QUEUE__CONSUMERS_WITHIN_S": "3600",
}


@dataclass
class Victims:
    """Programs over one data folder; `pids` are those that run now."""

    data_dir: Path
    url: str
    zygote: "subprocess.Popen[str]"
    programs: Sequence[str]
    broker: RunningValkey | None = None
    pids: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The admin key."""
        return (self.data_dir / "admin.key").read_text(encoding="utf-8").strip()

    def start(self, name: str) -> None:
        """Start a program; the one before it must have died by our hand."""
        if name == BROKER:
            assert self.broker is not None
            self.broker.start()
            return
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
            if name == BROKER:
                assert self.broker is not None
                self.broker.kill()
            else:
                os.kill(self.pids[name], signal.SIGKILL)
        for name in names:
            self.start(name)

    def wait_until_ready(self) -> None:
        """Wait until the API answers and reaches the index."""
        deadline = time.monotonic() + PATIENCE_S
        with httpx.Client(base_url=self.url, timeout=60) as client:
            while not _is_ready(client):
                assert time.monotonic() < deadline, "the service is not ready"
                time.sleep(0.05)

    def logs(self) -> str:
        """Return the end of what the programs said."""
        texts = {path.name: path.read_text(encoding="utf-8") for path in sorted((self.data_dir / "logs").iterdir())}
        return "\n".join(f"--- {name}\n{text[-_SHOWN_CHARS:]}" for name, text in texts.items())


@contextmanager
def running(data_dir: Path, dispatcher: str) -> Iterator[Victims]:
    """Run the programs of a dispatcher over a new folder."""
    with ExitStack() as stack:
        broker = stack.enter_context(running_valkey()) if dispatcher == "celery" else None
        yield stack.enter_context(_running(data_dir, PROGRAMS[dispatcher], broker))


@contextmanager
def _running(data_dir: Path, programs: Sequence[str], broker: RunningValkey | None) -> Iterator[Victims]:
    temporary = data_dir / "tmp"  # a killed worker leaves its parsers' folders behind
    temporary.mkdir(parents=True)
    port = free_port()
    own = {"RAG_DATA_DIR": str(data_dir), "RAG_PORT": str(port), "TMPDIR": str(temporary)}
    if broker is not None:
        own |= {"RAG_QUEUE__BROKER_URL": broker.url, **_CELERY}
    zygote = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.kill_loop.zygote"],
        env={**os.environ, **_SETTINGS, **own},
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        victims = Victims(data_dir, f"http://127.0.0.1:{port}", zygote, programs, broker)
        for name in programs:
            if name != BROKER:
                victims.start(name)
        victims.wait_until_ready()
        yield victims
    finally:
        # The end of its input is the end of its children and then of itself.
        zygote.communicate(timeout=PATIENCE_S)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
