"""Who gets runs as traces: sends within a time, and tells why something did not arrive."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx

from rag_service.domain.evaluations import CaseResult, EvalRun
from rag_service.errors import RagError
from rag_service.settings import EvaluationSettings

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

_PATH = "/v1/traces"
_CASES_AT_ONCE = 50
"""With all that was found for them, about a megabyte; receivers refuse requests of more than a few."""

_AGAIN_LATER = frozenset({429, 502, 503, 504})
"""What the protocol (OTLP 1.x, "Retryable Response Codes") says may be sent once more."""

_PAUSE_S = 1.0

_HEADERS = {"Content-Type": "application/x-protobuf", "x-langfuse-ingestion-version": "4"}
"""Without the second, Langfuse shows what it got after minutes only; others do not look at it."""


class NotUploaded(RagError):
    """A run did not arrive, or not all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """An OTLP endpoint, spoken to in protobuf over HTTP. `timeout_s` is for all of a run."""

    url: str
    headers: dict[str, str] = field(repr=False)
    with_content: bool
    timeout_s: float

    async def receive(self, run: EvalRun, results: Sequence[CaseResult]) -> None:
        """Send a run; safe to repeat.

        Raises:
            NotUploaded: it did not arrive in time, or was refused.
        """
        try:
            async with (
                asyncio.timeout(self.timeout_s),
                # The time is limited here: a receiver that trickles would never be silent for long.
                httpx.AsyncClient(headers=self.headers | _HEADERS, trust_env=False, timeout=None) as client,  # noqa: S113
            ):
                for start in range(0, len(results), _CASES_AT_ONCE):
                    await self._send(client, run, results[start : start + _CASES_AT_ONCE])
        except TimeoutError as exc:
            raise NotUploaded(f"the receiver did not take it within {self.timeout_s:g} s") from exc
        # ValueError: of a header that is none once it is decoded.
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
            raise NotUploaded(f"the receiver cannot be reached: {type(exc).__name__}") from exc
        except ImportError as exc:
            raise NotUploaded(f"{exc.name} is not installed; the extra 'eval' has it") from exc

    async def _send(self, client: httpx.AsyncClient, run: EvalRun, results: Sequence[CaseResult]) -> None:
        # Not before there is something to send: the packages are an extra, and other processes do without.
        from google.protobuf.message import DecodeError  # noqa: PLC0415
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415
            ExportTraceServiceRequest,
            ExportTraceServiceResponse,
        )

        traces = await asyncio.to_thread(self._traces, run, results)
        body = ExportTraceServiceRequest(resource_spans=[traces]).SerializeToString()
        reply = await self._accepted(client, body)
        try:
            refused = ExportTraceServiceResponse.FromString(reply.content).partial_success.rejected_spans
        except DecodeError:
            return  # it took them, and says so in another format
        if refused:
            raise NotUploaded(f"the receiver refused {refused} spans")

    def _traces(self, run: EvalRun, results: Sequence[CaseResult]) -> "ResourceSpans":
        from eval.otlp.traces import traces_of  # noqa: PLC0415

        return traces_of(run, results, with_content=self.with_content)

    async def _accepted(self, client: httpx.AsyncClient, body: bytes) -> httpx.Response:
        while True:
            reply = await client.post(self.url, content=body)
            if reply.is_success:
                return reply
            if reply.status_code not in _AGAIN_LATER:
                raise NotUploaded(f"the receiver answered {reply.status_code}")
            await asyncio.sleep(_pause_s(reply))


def receiver_of(settings: EvaluationSettings) -> Receiver | None:
    """Return the receiver that the settings name, None without one."""
    if not settings.otlp_endpoint:
        return None
    base = settings.otlp_endpoint.rstrip("/")
    return Receiver(
        url=base if base.endswith(_PATH) else base + _PATH,
        headers=_headers(settings.otlp_headers.get_secret_value()),
        with_content=settings.otlp_content,
        timeout_s=settings.otlp_timeout_s,
    )


def _headers(listed: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in listed.split(",") if pair.strip())
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs}


def _pause_s(reply: httpx.Response) -> float:
    asked = reply.headers.get("retry-after", "")
    return max(_PAUSE_S, float(asked)) if asked.isdecimal() else _PAUSE_S
