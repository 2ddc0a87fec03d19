"""Metrics that are read from the catalog, in Prometheus's format: other processes measure what they tell."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from rag_service.errors import DependencyUnavailable

PATIENCE_S = 2.0
"""How long the catalog may take. Prometheus gives up after ten seconds, and with these all other metrics would be lost."""

_State = TypeVar("_State")

_log = structlog.get_logger()


async def catalog_metrics(
    subject: str, reading: Awaitable[_State], metrics_of: Callable[[_State], Iterable[Metric]]
) -> bytes:
    """Return the metrics of what is read; nothing while the catalog is away or slow: an old state would be wrong."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            state = await reading
    except (DependencyUnavailable, TimeoutError) as exc:
        reason = str(exc) or f"The catalog took longer than {PATIENCE_S} s."
        _log.warning("catalog_metrics_left_out", subject=subject, reason=reason)
        return b""
    return exposition(metrics_of(state))


def exposition(metrics: Iterable[Metric]) -> bytes:
    """Return metrics in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Read(list(metrics)))
    return generate_latest(registry)


class _Read(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        """Return each metric with all of its values."""
        return self._metrics
