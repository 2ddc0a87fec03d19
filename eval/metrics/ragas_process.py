"""The process that holds RAGAS, as its parent sees it: lines of JSON in both directions."""

import asyncio
import contextlib
import json
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import eval as harness

_START_S = 180.0
_LINE_BYTES = 64 * 2**20
_STDERR_CHARS = 300
_LOG = "stderr.log"


class RagasProcess:
    """One process. It works in an empty folder of its own and gets none of our environment: no proxy, no secret."""

    def __init__(self, process: Process, folder: tempfile.TemporaryDirectory[str]) -> None:
        self._process = process
        self._folder = folder

    @classmethod
    async def start(cls, command: Sequence[str]) -> "RagasProcess":
        """Start the process."""
        folder = tempfile.TemporaryDirectory(prefix="rag-ragas-", ignore_cleanup_errors=True)
        home = Path(folder.name)
        with contextlib.ExitStack() as unless_started:
            unless_started.callback(folder.cleanup)
            with (home / _LOG).open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    *command, stdin=PIPE, stdout=PIPE, stderr=log, limit=_LINE_BYTES, cwd=home, env=_environment(home)
                )
            unless_started.pop_all()
        return cls(process, folder)

    async def ready(self, first: Mapping[str, Any]) -> dict[str, Any]:
        """Send the first message and wait until the library is loaded; the reply may be {"failure": why}.

        The judge's key goes through the pipe, where no process list shows it.
        """
        await self.send(first)
        return await asyncio.wait_for(self.receive(), _START_S)

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send one message.

        Raises:
            ConnectionError: the process has ended.
        """
        if self._process.stdin is None:  # pragma: no cover  (it is a pipe)
            raise EOFError
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        await self._process.stdin.drain()

    async def receive(self) -> dict[str, Any]:
        """Return the next message.

        Raises:
            EOFError: there is none; the process has ended.
            ValueError: what came is not one.
        """
        line = await self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            raise EOFError
        message: dict[str, Any] = json.loads(line)
        return message

    async def aclose(self) -> str:
        """End the process and remove its folder; return its last line on standard error."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        last_word = _last_line(Path(self._folder.name) / _LOG)
        self._folder.cleanup()
        return last_word


def _environment(home: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(harness.__file__).parent.parent),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(home),
        "HF_HUB_OFFLINE": "1",
        "RAGAS_DO_NOT_TRACK": "true",
    }


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:_STDERR_CHARS] if lines else "it said nothing"
