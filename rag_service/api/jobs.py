"""/v1/jobs: background work, as the job table knows it."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field

from rag_service.api.dependencies import Parts, Scope, authorisation_of
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.job_events import JobEvents
from rag_service.api.job_reply import JobOut, job_out, named_out, reply_about
from rag_service.api.lists import Asked, ItemList, item_list
from rag_service.api.live_events import LiveEvents
from rag_service.api.texts import Name, Ref
from rag_service.domain.ids import JobId
from rag_service.domain.jobs import JobKind, JobState
from rag_service.use_cases.jobs import is_over

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=RepeatableRoute)

_EVENTS_AHEAD = 1
_OLDEST_S = 10 * 365 * 24 * 3600
_LARGEST_ID = 2**53


class CountsOut(BaseModel):
    """How many jobs are in each state. `starved` are those of the open ones that nobody takes.

    `waiting_bytes` is the size of the files that are still to be prepared, or are just now.
    """

    object: Literal["job.counts"] = "job.counts"
    queued: int
    waiting: int
    running: int
    failed: int
    succeeded: int
    dead: int
    cancelled: int
    starved: int
    waiting_bytes: int


class PurgeIn(BaseModel):
    """Which jobs to forget: those over for `older_than_s` that ended in one of `states`."""

    states: list[Literal["succeeded", "dead", "cancelled"]] = Field(min_length=1)
    older_than_s: float = Field(0, ge=0, le=_OLDEST_S)


class PurgedOut(BaseModel):
    """How many jobs were forgotten."""

    object: Literal["job.purge"] = "job.purge"
    purged: int


@router.get("")
async def list_jobs(
    parts: Parts,
    scope: Scope,
    asked: Asked,
    state: Annotated[list[JobState] | None, Query()] = None,
    kind: JobKind | None = None,
    corpus: Name | None = None,
) -> ItemList[JobOut]:
    """List jobs; `state` may be repeated. A starved job is stored as queued or failed."""
    jobs = parts.jobs
    found = await jobs.list(scope, page=asked, states=state, kind=kind, corpus=corpus)
    names = await jobs.names(scope, found.items)
    return item_list([job_out(each, names[each.job.id]) for each in found.items], has_more=found.has_more)


@router.get("/counts")
async def count_jobs(parts: Parts, scope: Scope) -> CountsOut:
    """Say how many jobs are in each state."""
    counts = await parts.jobs.counts(scope)
    return CountsOut(
        **{state.value: counts.of_state.get(state, 0) for state in JobState},
        starved=counts.starved,
        waiting_bytes=counts.waiting_bytes,
    )


@router.post("/purge")
async def purge_jobs(parts: Parts, scope: Scope, body: PurgeIn) -> PurgedOut:
    """Forget jobs that are over."""
    states = {JobState(state) for state in body.states}
    older_than = timedelta(seconds=body.older_than_s)
    return PurgedOut(purged=await parts.jobs.purge(scope, states=states, older_than=older_than))


@router.get("/{job_id}")
async def read_job(parts: Parts, scope: Scope, job_id: Ref) -> JobOut:
    """Say how far a job is."""
    return await reply_about(parts.jobs, scope, JobId(job_id))


@router.post("/{job_id}/cancel")
async def cancel_job(parts: Parts, scope: Scope, job_id: Ref) -> JobOut:
    """Stop a job for good."""
    return await named_out(parts.jobs, scope, await parts.jobs.cancel(scope, JobId(job_id)))


@router.post("/{job_id}/retry")
async def retry_job(parts: Parts, scope: Scope, job_id: Ref) -> JobOut:
    """Put a failed, dead or cancelled job back into the queue."""
    return await named_out(parts.jobs, scope, await parts.jobs.retry(scope, JobId(job_id)))


@router.get(
    "/{job_id}/events",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {}}}, 204: {"description": "It is over, and all was sent."}},
)
async def watch_job(
    request: Request,
    parts: Parts,
    scope: Scope,
    job_id: Ref,
    last_event_id: Annotated[int | None, Header(ge=0, le=_LARGEST_ID)] = None,
) -> Response:
    """Send the job as it is and after each change, until it is over; `Last-Event-ID` leaves out what was sent."""
    jobs = parts.jobs
    start = await jobs.get(scope, JobId(job_id))
    if is_over(start) and start.job.changes == last_event_id:
        # The one reply after which a browser's EventSource does not connect again.
        return Response(status_code=204)
    names = (await jobs.names(scope, [start]))[start.job.id]
    changes = jobs.follow(start, after=last_event_id)
    live = LiveEvents(changes, receive=request.receive, authorise=authorisation_of(request), ahead=_EVENTS_AHEAD)
    return JobEvents(live, names)
