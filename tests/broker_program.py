"""A real broker of the tests' own, which can be killed, frozen and started again on its port."""

import shutil
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.running import free_port, wait_until_listening


class BrokerProgram(ABC):
    """A program that listens on `port`; its folder goes when it does."""

    def __init__(self, name: str) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"rag-{name}-"))
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def url_at(self, port: int) -> str:
        """Return the broker's address, seen through a line that ends at `port`."""

    @abstractmethod
    def _begun(self) -> subprocess.Popen[bytes]:
        """Return the program, begun."""

    def start(self) -> None:
        """Start it, anew after its end, and wait until it listens."""
        self._process = self._begun()
        wait_until_listening(self.port, self._process)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """Have it accept what comes and answer nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        """End it for good."""
        self.kill()
        shutil.rmtree(self.folder)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


_Broker = TypeVar("_Broker", bound=BrokerProgram)


@contextmanager
def running(broker: _Broker) -> Iterator[_Broker]:
    """Run a broker until the block ends; nothing of one that does not start stays behind."""
    try:
        broker.start()
        yield broker
    finally:
        broker.remove()
