"""RAGAS metrics, measured by a process of their own: the library is slow to load and not trusted with ours.

The process is fed JSON lines. It holds no model: when a metric needs an embedding it asks for it, and
this side answers with the service's own embedder. Without a judge, judged metrics are missing.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import IO, Any

from eval.metrics.scores import Score, missing

WITHOUT_JUDGE = ("string similarity", "BLEU", "ROUGE-L", "semantic similarity", "context recall", "context precision")
WITH_JUDGE = ("faithfulness", "answer relevancy")
NAMES = (*WITHOUT_JUDGE, *WITH_JUDGE)

Embed = Callable[[list[str]], Awaitable[list[list[float]]]]

_START_S = 180.0
_SAMPLE_S = 300.0
_LINE_BYTES = 64 * 2**20
_STDERR_CHARS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A language model behind an OpenAI-compatible endpoint."""

    base_url: str
    model: str
    api_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An answer as RAGAS sees it, without citation marks. Empty fields make the metrics that need them missing."""

    user_input: str
    response: str
    reference: str
    retrieved_contexts: tuple[str, ...]
    reference_contexts: tuple[str, ...]


async def ragas_scores(
    samples: Sequence[Sample],
    *,
    embed: Embed,
    judge: Judge | None = None,
    command: Sequence[str] = (sys.executable, "-m", "eval.ragas_worker"),
    sample_s: float = _SAMPLE_S,
) -> list[dict[str, Score]]:
    """Return every metric of every sample; a worker that dies or hangs leaves the rest missing."""
    if not samples:
        return []
    scores: list[dict[str, Score]] = []
    async with _worker(command) as worker:
        try:
            await worker.start(judge)
            for sample in samples:
                measured = await asyncio.wait_for(worker.measure(sample, embed), sample_s)
                scores.append(measured)  # at once, so that a worker that dies later loses nothing measured before
        except TimeoutError:
            worker.failure = "the ragas process did not answer in time"
        except (EOFError, ConnectionError, ValueError):
            worker.failure = worker.failure or "the ragas process ended"
    rest = {name: missing(worker.failure or "not measured") for name in NAMES}
    return [*scores, *(rest for _ in samples[len(scores) :])]


class _Worker:
    """The conversation with the process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.failure = ""
        self._process = process

    async def start(self, judge: Judge | None) -> None:
        """Wait until the library is loaded. The judge's key goes through the pipe, where no process list shows it."""
        await self._send({"judge": asdict(judge) if judge else None})
        ready = await asyncio.wait_for(self._receive(), _START_S)
        if "failure" in ready:
            self.failure = str(ready["failure"])
            raise EOFError

    async def measure(self, sample: Sample, embed: Embed) -> dict[str, Score]:
        """Return the metrics of one sample; answers the process's requests for embeddings on the way."""
        await self._send(asdict(sample))
        while "embed" in (reply := await self._receive()):
            await self._send({"vectors": await embed(reply["embed"])})
        return {name: Score(*reply["scores"][name]) for name in NAMES}

    async def stop(self) -> None:
        """End the process."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def _send(self, message: dict[str, Any]) -> None:
        if self._process.stdin is None:
            raise EOFError
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        await self._process.stdin.drain()

    async def _receive(self) -> dict[str, Any]:
        line = await self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            raise EOFError
        message: dict[str, Any] = json.loads(line)
        return message


@asynccontextmanager
async def _worker(command: Sequence[str]) -> AsyncIterator[_Worker]:
    with tempfile.TemporaryFile() as log:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=log, limit=_LINE_BYTES)
        worker = _Worker(process)
        try:
            yield worker
        finally:
            await worker.stop()
            if worker.failure == "the ragas process ended":
                worker.failure = f"{worker.failure}: {_last_line(log)}"


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:_STDERR_CHARS] if lines else "it said nothing"
