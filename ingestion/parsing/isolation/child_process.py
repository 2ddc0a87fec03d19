"""One child process: starting it, asking it, watching it, ending it."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import ingestion
from ingestion.parsing.isolation.wire import LENGTH_BYTES, frame, unframe, unpack_pages
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.pages import OnPages, unheard
from rag_service.reasons import ReasonCode

_WATCH_S = 0.05
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_BYTES_PER_CHAR = 8  # of a reply, blocks included
_NEARLY_FULL = 0.8  # of its memory limit: a process that dies from here on died of it
_LATE_S = 2.0  # after the end of its time a process has not ended itself
_START_S = 60.0  # an unloaded machine needs a tenth of a second
_MOST_NOTES = 100_000  # one a second for a day: a process that sends more is not ours any more


class ChildDied(Exception):
    """The process is gone; why, in terms of the file it was reading."""

    def __init__(self, reason: ReasonCode, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class ChildProcess:
    """A running parser process with an empty folder of its own."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, limits: ParsingLimits) -> None:
        self._process = process
        self._folder = folder
        self._limits = limits
        self._largest_bytes = 0
        self._reaping: asyncio.Task[None] | None = None
        self.files_read = 0

    @classmethod
    async def start(cls, module: str, limits: ParsingLimits) -> "ChildProcess":
        """Start a process. It gets none of our environment, which may hold secrets."""
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="rag-parser-"))
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", module,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                cwd=folder, env=_environment(folder), start_new_session=True,
            )  # fmt: skip
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        child = cls(process, folder, limits)
        child._stdin.write(frame(limits.as_dict()))
        return child

    @property
    def is_alive(self) -> bool:
        """Say whether the process runs."""
        return self._process.returncode is None

    @property
    def _stdin(self) -> asyncio.StreamWriter:
        if self._process.stdin is None:  # pragma: no cover  (it is a pipe)
            raise ChildDied(ReasonCode.PARSER_CRASHED, "no pipe")
        return self._process.stdin

    async def ask(self, request: dict[str, Any], on_pages: OnPages = unheard) -> dict[str, Any]:
        """Return the answer to `request`; `on_pages` hears of the pages read before.

        Raises:
            ChildDied: there is none; the process has been ended.
            ValueError: what came is not an answer.
        """
        # The first answer waits for the interpreter too.
        timeout_s = self._limits.timeout_s + (0 if self.files_read else _START_S)
        # The process watches its own time, which stands still during text recognition; this ends one that cannot.
        patience = timeout_s + self._limits.ocr_file_timeout_s + _LATE_S
        self._largest_bytes = 0
        self.files_read += 1
        watch: asyncio.Task[None] | None = None
        try:
            watch = asyncio.create_task(self._watch_memory())
            async with asyncio.timeout(patience):
                return await self._exchange({**request, "timeout_s": timeout_s}, on_pages)
        except TimeoutError as exc:
            await self.kill()
            raise self._too_slow() from exc
        except (asyncio.IncompleteReadError, ConnectionError) as exc:
            await self._ended()
            raise self._death() from exc
        finally:
            if watch is not None:
                watch.cancel()

    async def kill(self) -> None:
        """End the process and its folder. Safe to repeat."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._stdin.close()
        # The process may be dead but its death not reaped; a cancelled caller must not leave it behind.
        self._reaping = self._reaping or asyncio.create_task(self._reap())
        await asyncio.shield(self._reaping)

    def resident_bytes(self) -> int:
        """Return the memory that the process holds now, 0 when it is gone."""
        return self._memory()[1]

    async def _reap(self) -> None:
        await self._ended()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _ended(self) -> None:
        # Waiting alone would never end after a flood: a pipe that is not read for being full does not tell of its end.
        await self._process.communicate()

    async def _exchange(self, request: dict[str, Any], on_pages: OnPages) -> dict[str, Any]:
        self._stdin.write(frame(request))
        await self._stdin.drain()
        for _ in range(_MOST_NOTES):
            body = await self._receive()
            pages = unpack_pages(body)
            if pages is None:
                return unframe(body)
            on_pages(*pages)
        raise ValueError("notes without end")

    async def _receive(self) -> bytes:
        if self._process.stdout is None:  # pragma: no cover  (it is a pipe)
            raise ChildDied(ReasonCode.PARSER_CRASHED, "no pipe")
        length = int.from_bytes(await self._process.stdout.readexactly(LENGTH_BYTES), "big")
        if length > self._limits.max_text_chars * _BYTES_PER_CHAR + 2**20:
            await self.kill()
            raise ChildDied(ReasonCode.TOO_LARGE, "more output than the limit")
        return await self._process.stdout.readexactly(length)

    async def _watch_memory(self) -> None:
        while self.is_alive:
            await asyncio.sleep(_WATCH_S)
            used, resident = self._memory()
            self._largest_bytes = max(self._largest_bytes, used)
            if resident > self._limits.memory_bytes:
                self._largest_bytes = resident
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                return

    def _memory(self) -> tuple[int, int]:
        """Return (data, resident) in bytes of the process and the program it runs, (0, 0) when it is gone."""
        pid = self._process.pid
        pids = [str(pid), *_content(f"/proc/{pid}/task/{pid}/children").split()]
        sizes = [sizes for one in pids if (sizes := _content(f"/proc/{one}/statm").split())]
        return sum(int(size[5]) for size in sizes) * _PAGE_BYTES, sum(int(size[1]) for size in sizes) * _PAGE_BYTES

    def _too_slow(self) -> ChildDied:
        return ChildDied(ReasonCode.PARSER_TIMEOUT, f"over {self._limits.timeout_s:g} s")

    def _death(self) -> ChildDied:
        status = self._process.returncode or 0
        if status == -signal.SIGALRM:
            return self._too_slow()
        if status == -signal.SIGXCPU:
            return ChildDied(ReasonCode.PARSER_TIMEOUT, "processor time limit")
        if self._largest_bytes > _NEARLY_FULL * self._limits.memory_bytes:
            return ChildDied(ReasonCode.PARSER_OUT_OF_MEMORY, "memory limit")
        name = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return ChildDied(ReasonCode.PARSER_CRASHED, name)


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError:
        return ""


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(ingestion.__file__).parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "DO_NOT_TRACK": "true",
        "SCARF_NO_ANALYTICS": "true",
        "HF_HUB_OFFLINE": "1",
    }
