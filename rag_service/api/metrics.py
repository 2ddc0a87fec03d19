"""What operators watch, in Prometheus's format. One registry per application, so that two never mix."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from rag_service.domain.answers import Answer
from rag_service.domain.findings import FoundKind

_STAGE_BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counts and durations of requests and answers."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "rag_http_requests", "Requests by route and status", ["method", "route", "status"], registry=self._registry
        )
        self._latency = Histogram(
            "rag_http_request_seconds",
            "Time from a request's first byte to its reply's last",
            ["method", "route"],
            registry=self._registry,
        )
        self._answers = Counter("rag_answers", "Answers by status", ["status"], registry=self._registry)
        self._cached = Counter(
            "rag_cached_answers", "Answers in words that had been written for another question", registry=self._registry
        )
        self._dropped = Counter(
            "rag_dropped_units", "Units of text that were not supported and did not leave", registry=self._registry
        )
        self._findings = Counter(
            "rag_reconciliation_findings", "What reconciliations found", ["kind", "outcome"], registry=self._registry
        )
        self._stages = Histogram(
            "rag_answer_stage_seconds",
            "Time per stage of an answer",
            ["stage"],
            buckets=_STAGE_BUCKETS_S,
            registry=self._registry,
        )

    def count_request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method=method, route=route, status=str(status)).inc()
        self._latency.labels(method=method, route=route).observe(seconds)

    def count_answer(self, answer: Answer) -> None:
        """Count one finished answer."""
        self._answers.labels(status=answer.status.value).inc()
        if answer.cached:
            self._cached.inc()
        else:
            self._dropped.inc(answer.dropped_units)
        for stage, spent_ms in answer.timings_ms.items():
            self._stages.labels(stage=stage).observe(spent_ms / 1000)

    def count_finding(self, found: FoundKind) -> None:
        """Count what a reconciliation found of one kind."""
        self._findings.labels(kind=found.kind.value, outcome="mended").inc(found.mended)
        self._findings.labels(kind=found.kind.value, outcome="left").inc(found.found - found.mended)

    def exposition(self) -> bytes:
        """Return all of it in the text format."""
        return generate_latest(self._registry)
