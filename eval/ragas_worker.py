"""`python -m eval.ragas_worker`: measures RAGAS metrics for eval/metrics/ragas.py, over its standard streams.

First line in: the judge, the metrics wanted, and how long a sample may take. Then one sample a line in, one line of
scores out; between them the process may ask for embeddings and verdicts. A score is [value, reason]; the value is null
when it could not be taken. Paragraphs in, instead of a sample, are questions about them out.
"""

import asyncio
import json
import math
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import IO, Any

from eval.ragas_network import allow_only
from rag_service.domain.metric_names import RAGAS_LATE

Sample = Mapping[str, Any]
Measurement = tuple[float | None, str]
Metric = Callable[[Sample], Awaitable[Measurement]]

NO_JUDGE = "no judge is configured"

_ROUNDING = 1e-6


class Parent:
    """The process that asks."""

    def __init__(self, reading: IO[str], writing: IO[str]) -> None:
        self._reading = reading
        self._writing = writing

    def receive(self) -> dict[str, Any] | None:
        """Return the next message, None at the end."""
        line = self._reading.readline()
        return json.loads(line) if line else None

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one message."""
        self._writing.write(json.dumps(message) + "\n")
        self._writing.flush()

    def vectors(self, texts: list[str]) -> list[list[float]]:
        """Return the service's embeddings of `texts`."""
        vectors: list[list[float]] = self._ask({"embed": texts})["vectors"]
        return vectors

    def verdicts(self, question: str, response: str, contexts: list[str]) -> list[bool]:
        """Return whether the service's verifier finds each sentence of `response` supported."""
        verdicts: list[bool] = self._ask({"verify": [question, response, contexts]})["verdicts"]
        return verdicts

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self.send(request)
        reply = self.receive()
        if reply is None:
            raise EOFError
        return reply


def main() -> None:
    """Answer samples until the input ends."""
    # The library counts its users unless told not to, before it is imported.
    os.environ.update(RAGAS_DO_NOT_TRACK="true", HF_HUB_OFFLINE="1")
    parent = Parent(sys.stdin, sys.stdout)
    sys.stdout = sys.stderr  # what libraries print must not mix with the conversation
    first = parent.receive() or {}
    judge = first.get("judge")
    allow_only(judge["base_url"] if judge else None)
    with asyncio.Runner() as runner:
        try:
            metrics = _metrics(judge, parent)
        except ImportError as exc:
            parent.send({"failure": f"ragas cannot be loaded ({exc}); install the extra 'eval'"})
            return
        wanted = {name: metrics[name] for name in first["names"]}
        parent.send({"ready": True})
        while (message := parent.receive()) is not None:
            if "paragraphs" in message:
                parent.send({"questions": runner.run(_questions(first["judge"], message["paragraphs"]))})
            else:
                parent.send({"scores": runner.run(measure(wanted, message, first["sample_s"]))})


async def _questions(judge: Mapping[str, Any], paragraphs: list[str]) -> list[dict[str, str]]:
    from eval.ragas_questions import questions_about  # noqa: PLC0415  (as below)

    return await questions_about(judge, paragraphs)


def _metrics(judge: Mapping[str, Any] | None, parent: Parent) -> dict[str, Metric]:
    from eval import ragas_metrics  # noqa: PLC0415  (ragas reads the environment while it is imported)

    return ragas_metrics.without_judge(parent.vectors, parent.verdicts) | (
        ragas_metrics.with_judge(judge, parent.vectors) if judge else ragas_metrics.unjudged(NO_JUDGE)
    )


async def measure(metrics: Mapping[str, Metric], sample: Sample, sample_s: float) -> dict[str, Measurement]:
    """Measure all at once; what is not done in time, or raises, is missing and costs the others nothing."""
    tasks = {name: asyncio.ensure_future(metric(sample)) for name, metric in metrics.items()}
    _done, late = await asyncio.wait(tasks.values(), timeout=sample_s)
    for task in late:
        task.cancel()
    found = dict(zip(tasks, await asyncio.gather(*tasks.values(), return_exceptions=True), strict=True))
    return {name: (None, RAGAS_LATE) if tasks[name] in late else _checked(found[name]) for name in tasks}


def _checked(measurement: Measurement | BaseException) -> Measurement:
    if isinstance(measurement, BaseException):
        return None, f"ragas failed: {type(measurement).__name__}"
    value, reason = measurement
    if value is None:
        return None, reason
    if not math.isfinite(value):
        return None, "ragas gave no number"
    if abs(value) > 1 + _ROUNDING:
        return None, "ragas gave a number beyond its range"
    return max(-1.0, min(1.0, value)), ""


if __name__ == "__main__":
    main()
