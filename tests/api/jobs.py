"""Jobs for the API's tests: made by uploads, moved along as a worker would."""

import json
from datetime import timedelta
from typing import Any

import httpx

from rag_service.domain.ids import JobId, WorkerId
from rag_service.domain.jobs import Job, JobKind, Worker
from rag_service.reasons import ReasonCode
from tests.api.parts import Service, now

LEASE = timedelta(seconds=30)


async def announce_worker(service: Service) -> None:
    """Let a worker say that it is there for every kind of job."""
    worker = Worker(id=WorkerId("worker_a"), kinds=frozenset(JobKind), host="here", pid=1, seen_at=now())
    async with service.parts.catalog.writing() as tx:
        await tx.workers.announce(worker)


async def upload(service: Service, name: str = "a.md", corpus: str = "handbook") -> JobId:
    """Upload a file into a corpus; return its job."""
    async with service.client() as client:
        file_id = (await client.post("/v1/files", files={"file": (name, name.encode())})).json()["id"]
        path = f"/v1/vector_stores/{corpus}/files"
        made = (await client.post(path, json={"file_id": file_id})).raise_for_status().json()
    async with service.parts.catalog.reading() as tx:
        jobs = await tx.jobs.of_subject(service.scope, f"{made['document_id']}/{made['revision']}")
    return JobId(jobs[0].id)


async def take(service: Service) -> Job:
    """Claim the next job."""
    async with service.parts.catalog.writing() as tx:
        due = await tx.jobs.due(tuple(JobKind), now=now(), limit=1)
        claimed: list[Job] = await tx.jobs.claim(due, now=now(), lease=LEASE)
    return claimed[0]


async def note(service: Service, held: Job, stage: str, done: int, total: int | None) -> None:
    """Note how far a claimed job is."""
    async with service.parts.catalog.writing() as tx:
        await tx.jobs.progress(held.id, held.fence, stage=stage, done=done, total=total, now=now())


async def succeed(service: Service, held: Job) -> None:
    """Close a claimed job."""
    async with service.parts.catalog.writing() as tx:
        await tx.jobs.succeed([held], now=now())


async def die(service: Service, held: Job, reason: ReasonCode = ReasonCode.DAMAGED) -> None:
    """Let a claimed job fail for good."""
    async with service.parts.catalog.writing() as tx:
        await tx.jobs.fail(held.id, held.fence, reason=reason, detail="", retry_at=None, now=now())


def events_of(reply: httpx.Response) -> list[dict[str, Any]]:
    """Return the events of a stream, each with id, event and data."""
    events = []
    for frame in reply.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if not line.startswith(":"))
        if fields:
            events.append({**fields, "data": json.loads(fields["data"])})
    return events
