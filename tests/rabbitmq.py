"""A real RabbitMQ of the tests' own, which can be killed and started again on its port."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S
from tests.running import free_port

UNACKNOWLEDGED_S = 10
"""How long a message may be worked on before the broker closes the channel. RabbitMQ's own limit is 30 minutes."""

_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the one in PATH starts as another user, in system folders
_CONFIGURATION = """
listeners.tcp.1 = 127.0.0.1:{port}
consumer_timeout = {consumer_timeout_ms}
log.file = false
log.console = true
log.console.level = warning
"""


def _server() -> str | None:
    return str(_DEBIAN) if _DEBIAN.exists() else shutil.which("rabbitmq-server")


needs_rabbitmq = pytest.mark.skipif(_server() is None, reason="rabbitmq-server is not installed")


class RunningRabbitMQ:
    """A node that finds nobody else; its folder goes when it does."""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="rag-rabbitmq-"))
        self._names_port, self._node_port = free_port(), free_port()
        (self._folder / "rabbitmq.conf").write_text(
            _CONFIGURATION.format(port=self.port, consumer_timeout_ms=UNACKNOWLEDGED_S * 1000)
        )
        # Left to itself the node would start one that outlives it.
        command = ["epmd", "-port", str(self._names_port), "-address", "127.0.0.1"]
        self._names = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603  (comes with RabbitMQ)
        _wait_until_listening(self._names_port, self._names)
        self.process = self._start()

    def url_at(self, port: int) -> str:
        """Return the broker's address, seen through a line that ends at `port`."""
        return f"amqp://guest:guest@127.0.0.1:{port}//"

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def start_again(self) -> None:
        self.process = self._start()

    def freeze(self) -> None:
        """Have it accept what comes and answer nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        self.kill()
        self._names.kill()
        self._names.wait()
        shutil.rmtree(self._folder)

    def _start(self) -> "subprocess.Popen[bytes]":
        with (self._folder / "said").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603
                [str(_server())], env={**os.environ, **self._environ()}, cwd=self._folder, stdout=log, stderr=log
            )
        _wait_until_listening(self.port, process)
        return process

    def _environ(self) -> dict[str, str]:
        folder = str(self._folder)
        looks_often = "-rabbit channel_tick_interval 500"  # at how long messages are unacknowledged
        stays_here = "-kernel inet_dist_use_interface {127,0,0,1}"
        return {
            "HOME": folder,
            "RUNNING_UNDER_SYSTEMD": "true",  # so that the process is the node, and no shell around it
            "RABBITMQ_NODENAME": f"rag-{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/logs",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_DIST_PORT": str(self._node_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{stays_here} {looks_often} +sbwt none",
            "ERL_EPMD_PORT": str(self._names_port),
            "ERL_CRASH_DUMP": "/dev/null",
        }


def _wait_until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None and time.monotonic() < deadline, f"{process.args} did not start"
        time.sleep(0.05)


@contextmanager
def running_rabbitmq() -> Iterator[RunningRabbitMQ]:
    """Run a node."""
    rabbitmq = RunningRabbitMQ()
    try:
        yield rabbitmq
    finally:
        rabbitmq.remove()
