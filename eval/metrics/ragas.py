"""RAGAS metrics, measured by a process of their own: the library is slow to load and not trusted with ours.

The process is fed JSON lines. It holds no model and reaches no network but the judge: when a metric needs an embedding
or a verdict of our verifier it asks for it, and this side answers with the service's own parts. What could not be
measured is missing with a reason: the process may hang or die, this side goes on.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlsplit

import structlog

from eval.metrics.ragas_process import RagasProcess
from eval.metrics.scores import Score, missing
from rag_service.domain.metric_names import (
    JUDGED,
    RAGAS_ENDED,
    RAGAS_OVER,
    RAGAS_SILENT,
    TRANSIENT,
    UNAVAILABLE,
)
from rag_service.errors import DependencyUnavailable

_log = structlog.get_logger()

WITHOUT_JUDGE = ("string similarity", "BLEU", "ROUGE-L", "semantic similarity", "context recall", "context precision")
NAMES = (*WITHOUT_JUDGE, *JUDGED)
OURS = ("verifier faithfulness", "embedding relevance")
"""Our judge-free scores as RAGAS metrics. The service measures them without RAGAS, so nobody asks for them by default."""

Embed = Callable[[list[str]], Awaitable[list[list[float]]]]
Verify = Callable[[str, str, list[str]], Awaitable[list[bool]]]
"""Question, response and contexts to whether each sentence of the response is supported."""

COMMAND = (sys.executable, "-P", "-m", "eval.ragas_worker")
TEMPERATURE = 0.0

_SAMPLE_S = 600.0
_TOTAL_S = 4 * 3600.0
_LATE_S = 15.0
_STARTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A language model behind an OpenAI-compatible endpoint, asked at temperature 0 for `metrics`.

    `timeout_s` bounds one call, `total_s` all calls of a run, `max_tokens` one reply, `parallel` how many calls are under
    way at once.
    """

    base_url: str
    model: str
    api_key: str = field(default="", repr=False)
    seed: int = 0
    metrics: tuple[str, ...] = JUDGED
    max_tokens: int = 2048
    timeout_s: float = 60.0
    total_s: float = _TOTAL_S
    parallel: int = 4

    @property
    def identity(self) -> str:
        """Everything that decides its verdicts, and no secret."""
        host = urlsplit(self.base_url).netloc.rpartition("@")[2]
        asked = f"prompts of ragas {_version_of('ragas')}, temperature {TEMPERATURE:g}, seed {self.seed}"
        return f"{self.model} at {host}, {asked}, at most {self.max_tokens} tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An answer as RAGAS sees it, without citation marks. Empty fields make the metrics that need them missing."""

    user_input: str
    response: str
    reference: str
    retrieved_contexts: tuple[str, ...]
    reference_contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long one sample, and all together, may take."""

    sample_s: float = _SAMPLE_S
    total_s: float = _TOTAL_S


def names_with(judge: Judge | None) -> tuple[str, ...]:
    """Return what is measured with a judge; all without one, as what has no judge says so."""
    return (*WITHOUT_JUDGE, *(judge.metrics if judge else JUDGED))


def is_failure(score: Score) -> bool:
    """Say whether a score is missing for a reason that may be gone the next time."""
    return score.value is None and score.reason.startswith(TRANSIENT)


class Ragas:
    """Measures samples, one after the other. The process starts with the first, and once more when it died."""

    def __init__(
        self,
        *,
        embed: Embed,
        verify: Verify | None = None,
        judge: Judge | None = None,
        names: Sequence[str] = NAMES,
        limits: Limits = Limits(),
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._embed = embed
        self._verify = verify
        self._first = {"judge": asdict(judge) if judge else None, "names": list(names), "sample_s": limits.sample_s}
        self._names = tuple(names)
        self._limits = limits
        self._command = command
        self._lock = asyncio.Lock()
        self._process: RagasProcess | None = None
        self._starts = 0
        self._deadline = time.monotonic() + min(limits.total_s, judge.total_s if judge else limits.total_s)
        self._given_up = ""

    async def scores(self, sample: Sample) -> dict[str, Score]:
        """Return every metric of a sample; all missing when the process died over it or has been given up."""
        async with self._lock:
            if not self._given_up and time.monotonic() >= self._deadline:
                self._given_up = RAGAS_OVER
            if self._given_up:
                return self._all_missing(self._given_up)
            return await self._measured(sample)

    async def aclose(self) -> None:
        """End the process. Safe to repeat."""
        if self._process is not None:
            await self._process.aclose()
            self._process = None

    async def _measured(self, sample: Sample) -> dict[str, Score]:
        left_s = self._deadline - time.monotonic()
        try:
            process = self._process or await self._start()
            if self._given_up:
                return self._all_missing(self._given_up)
            async with asyncio.timeout(min(self._limits.sample_s + _LATE_S, left_s)):
                reply = await self._converse(process, asdict(sample))
            return {name: Score(*reply[name]) for name in self._names}
        except TimeoutError:
            return await self._failed(RAGAS_SILENT)
        except DependencyUnavailable as exc:
            return await self._failed(f"{UNAVAILABLE}: {type(exc).__name__}")
        except (EOFError, OSError):
            return await self._failed(RAGAS_ENDED)
        except (ValueError, KeyError, TypeError):
            return await self._failed(f"{RAGAS_ENDED}: it did not keep to the protocol")

    async def _start(self) -> RagasProcess:
        self._starts += 1
        self._process = await RagasProcess.start(self._command)
        ready = await self._process.ready(self._first)
        self._given_up = str(ready.get("failure", ""))
        return self._process

    async def _converse(self, process: RagasProcess, sample: dict[str, Any]) -> dict[str, Any]:
        """Send a sample and answer what the process asks for until it has the scores."""
        await process.send(sample)
        while "scores" not in (reply := await process.receive()):
            await process.send(await self._answer(reply))
        scores: dict[str, Any] = reply["scores"]
        return scores

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if "verify" in request and self._verify is not None:
            return {"verdicts": await self._verify(*request["verify"])}
        return {"vectors": await self._embed(request["embed"])}

    async def _failed(self, reason: str) -> dict[str, Score]:
        # What it wrote last may quote a document: it goes into the log, and the reason into the run.
        last_word = await self._process.aclose() if self._process else ""
        self._process = None
        _log.warning("ragas_failed", reason=reason, last_word=last_word)
        if self._starts >= _STARTS:
            self._given_up = reason
        return self._all_missing(reason)

    def _all_missing(self, reason: str) -> dict[str, Score]:
        return dict.fromkeys(self._names, missing(reason))


def ragas_versions() -> dict[str, str]:
    """Return the versions of RAGAS and of what single metrics of it need: what is installed decides what is measured."""
    return {package: _version_of(package) for package in ("ragas", "sacrebleu", "rouge-score")}


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
