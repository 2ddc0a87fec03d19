"""A real RabbitMQ of the tests' own."""

import os
import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.broker_program import BrokerProgram, running
from tests.running import free_port, wait_until_listening

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


class RunningRabbitMQ(BrokerProgram):
    """A node that finds nobody else."""

    def __init__(self) -> None:
        super().__init__("rabbitmq")
        self._names_port, self._node_port = free_port(), free_port()
        self._names: subprocess.Popen[bytes] | None = None
        (self.folder / "rabbitmq.conf").write_text(
            _CONFIGURATION.format(port=self.port, consumer_timeout_ms=UNACKNOWLEDGED_S * 1000)
        )

    def url_at(self, port: int) -> str:
        return f"amqp://guest:guest@127.0.0.1:{port}//"

    def remove(self) -> None:
        if self._names is not None:
            self._names.kill()
            self._names.wait()
        super().remove()

    def _begun(self) -> subprocess.Popen[bytes]:
        self._names = self._names or self._name_server()
        with (self.folder / "said").open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                [str(_server())], env={**os.environ, **self._environ()}, cwd=self.folder, stdout=log, stderr=log
            )

    def _name_server(self) -> subprocess.Popen[bytes]:
        # Left to itself the node would start one that outlives it.
        command = ["epmd", "-port", str(self._names_port), "-address", "127.0.0.1"]
        names = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603  (comes with RabbitMQ)
        wait_until_listening(self._names_port, names)
        return names

    def _environ(self) -> dict[str, str]:
        folder = str(self.folder)
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


def running_rabbitmq() -> AbstractContextManager[RunningRabbitMQ]:
    """Run a node."""
    return running(RunningRabbitMQ())
