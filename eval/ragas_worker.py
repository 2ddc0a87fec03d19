"""`python -m eval.ragas_worker`: measures RAGAS metrics for eval/metrics/ragas.py, over its standard streams.

First line in: the judge. Then one sample a line in, one line of scores out; between them the process may
ask for embeddings. A score is [value, reason]; the value is null when it could not be taken.
"""

import asyncio
import json
import math
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import IO, Any

Sample = Mapping[str, Any]
Measurement = tuple[float | None, str]
Metric = Callable[[Sample], Awaitable[Measurement]]

NO_JUDGE = "no judge is configured"


class Parent:
    """The process that asks."""

    def __init__(self, reading: IO[str], writing: IO[str]) -> None:
        self._reading = reading
        self._writing = writing
        self.embedded = 0

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
        self.send({"embed": texts})
        reply = self.receive()
        if reply is None:
            raise EOFError
        self.embedded += len(texts)
        vectors: list[list[float]] = reply["vectors"]
        return vectors


def main() -> None:
    """Answer samples until the input ends."""
    # The library counts its users unless told not to, before it is imported.
    os.environ.update(RAGAS_DO_NOT_TRACK="true", HF_HUB_OFFLINE="1")
    parent = Parent(sys.stdin, sys.stdout)
    sys.stdout = sys.stderr  # what libraries print must not mix with the conversation
    first = parent.receive() or {}
    try:
        metrics = _metrics(first.get("judge"), parent)
    except ImportError as exc:
        parent.send({"failure": f"ragas cannot be loaded ({exc}); install the extra 'eval'"})
        return
    parent.send({"ready": True})
    with asyncio.Runner() as runner:
        while (sample := parent.receive()) is not None:
            parent.send({"scores": runner.run(_scores(metrics, sample))})


def _metrics(judge: Mapping[str, str] | None, parent: Parent) -> dict[str, Metric]:
    from eval import ragas_metrics  # noqa: PLC0415  (ragas reads the environment while it is imported)

    return ragas_metrics.without_judge(parent.vectors) | (
        ragas_metrics.with_judge(judge, parent.vectors) if judge else ragas_metrics.unjudged(NO_JUDGE)
    )


async def _scores(metrics: Mapping[str, Metric], sample: Sample) -> dict[str, Measurement]:
    return {name: _finite(await metric(sample)) for name, metric in metrics.items()}


def _finite(measurement: Measurement) -> Measurement:
    value, reason = measurement
    if value is not None and not math.isfinite(value):
        return None, "ragas gave no number"
    return value, reason


if __name__ == "__main__":
    main()
