"""Jobs: background work, watching it, and what can be done about it."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from rag_service.client.errors import UNREACHABLE, ApiError, refusal
from rag_service.client.transport import Json, Transport, segment

FINISHED = frozenset({"succeeded", "dead", "cancelled"})
"""A job in one of these states does nothing more by itself."""

_TRIES = 6
_FIRST_PAUSE_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """A job after a change. `name` is progress, or finished for the last one; ids grow."""

    id: int
    name: str
    job: Json


class JobCalls(Transport):
    """The part of the client for jobs."""

    def jobs(
        self, *, states: Sequence[str] = (), kind: str | None = None, corpus: str | None = None, limit: int = 100
    ) -> Iterator[Json]:
        """Yield the jobs the key may see, newest first; `limit` is how many are fetched at a time."""
        wanted: Json = {"state": list(states), "kind": kind, "corpus": corpus, "limit": limit}
        yield from self._pages("/v1/jobs", {name: value for name, value in wanted.items() if value})

    def job(self, job_id: str) -> Json:
        """Return a job: its state, and how far it is."""
        return self._call("GET", _address(job_id))

    def job_counts(self) -> Json:
        """Return how many jobs are in each state."""
        return self._call("GET", "/v1/jobs/counts")

    def cancel_job(self, job_id: str) -> Json:
        """Stop a job for good."""
        return self._call("POST", f"{_address(job_id)}/cancel")

    def retry_job(self, job_id: str) -> Json:
        """Put a failed, dead or cancelled job back into the queue."""
        return self._call("POST", f"{_address(job_id)}/retry")

    def purge_jobs(self, states: Sequence[str], *, older_than_s: float = 0) -> int:
        """Forget jobs that are over, and return how many that were."""
        body = {"states": list(states), "older_than_s": older_than_s}
        return int(self._call("POST", "/v1/jobs/purge", json=body)["purged"])

    def watch_job(self, job_id: str, *, pause_s: float = _FIRST_PAUSE_S) -> Iterator[JobEvent]:
        """Yield a job as it is and after each change, until it is over.

        A connection that breaks is made anew, and nothing is told twice.
        """
        last_id: int | None = None
        tries_left = _TRIES
        while True:
            try:
                for event in self._job_events(job_id, last_id):
                    last_id, tries_left = event.id, _TRIES
                    yield event
                    if event.name == "finished":
                        return
            except ApiError as exc:
                tries_left -= 1
                if not _may_come_back(exc) or not tries_left:
                    raise
            time.sleep(pause_s * 2 ** (_TRIES - tries_left))

    def wait_for_job(
        self, job_id: str, progress: Callable[[Json], None] = lambda _: None, *, poll_s: float = 0.5
    ) -> Json:
        """Wait until a job has finished, well or not, and return it; `progress` hears every look."""
        while (job := self.job(job_id))["state"] not in FINISHED:
            progress(job)
            time.sleep(poll_s)
        progress(job)
        return job

    def _job_events(self, job_id: str, last_id: int | None) -> Iterator[JobEvent]:
        # Whoever reads the last event reads no further.
        headers = {"accept": "text/event-stream"}
        if last_id is not None:
            headers["last-event-id"] = str(last_id)
        with self._opened(f"{_address(job_id)}/events", headers) as response:
            fields: dict[str, str] = {}
            for line in response.iter_lines():
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    yield _event_of(fields)
                    fields = {}
        raise ApiError(f"{self.base_url} ended the stream early.", advice=UNREACHABLE)

    @contextmanager
    def _opened(self, path: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        try:
            with self._http.stream("GET", path, headers=headers) as response:
                if not response.is_success:
                    response.read()
                    raise refusal(response)
                yield response
        except httpx.TransportError as exc:
            raise self._unreachable(exc) from exc


def _address(job_id: str) -> str:
    return f"/v1/jobs/{segment(job_id)}"


def _event_of(fields: dict[str, str]) -> JobEvent:
    data = json.loads(fields["data"])
    if "error" in data:
        raise ApiError(str(data["error"]["message"]), status=httpx.codes.OK, code=data["error"].get("code"))
    return JobEvent(id=int(fields["id"]), name=fields["event"], job=data)


def _may_come_back(exc: ApiError) -> bool:
    return exc.status in (None, httpx.codes.SERVICE_UNAVAILABLE)
