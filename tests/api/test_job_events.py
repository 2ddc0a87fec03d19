"""A job's changes as they happen."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection

import httpx
import pytest

from rag_service.api import job_events
from rag_service.domain.access import Permission
from rag_service.domain.ids import JobId
from rag_service.queue.polled import PolledQueue
from rag_service.use_cases.job_watch import Looks, Watched
from rag_service.use_cases.jobs import ManageJobs
from tests.api.jobs import announce_worker, events_of, note, succeed, take, upload
from tests.api.parts import Service
from tests.patience import PATIENCE_S, until

PAUSE_S = 0.01


class Counted:
    """Looks at jobs and notes how many each time."""

    def __init__(self, look: Callable[[Collection[Watched]], Awaitable[Looks]]) -> None:
        self._look = look
        self.sizes: list[int] = []

    async def __call__(self, jobs: Collection[Watched]) -> Looks:
        self.sizes.append(len(jobs))
        return await self._look(jobs)


@pytest.fixture
async def job_id(service: Service) -> JobId:
    parts = service.parts
    parts.jobs = ManageJobs(
        catalog=parts.catalog,
        queue=PolledQueue(),
        clock=parts.clock,
        settings=parts.settings.jobs,
        look_pause_s=PAUSE_S,
    )
    parts.jobs._watch._look = Counted(parts.jobs._watch._look)
    await service.corpus()
    await announce_worker(service)
    return await upload(service)


async def watched(client: httpx.AsyncClient, job_id: JobId, **headers: str) -> httpx.Response:
    async with asyncio.timeout(PATIENCE_S):
        return await client.get(f"/v1/jobs/{job_id}/events", headers=headers)


def sizes_of_looks(service: Service) -> list[int]:
    counted = service.parts.jobs._watch._look
    assert isinstance(counted, Counted)
    return counted.sizes


async def looks(service: Service, count: int = 2) -> None:
    """Wait for some looks: when one begins, all have heard of the one before."""
    sizes = sizes_of_looks(service)
    enough = len(sizes) + count
    await until(lambda: len(sizes) >= enough)


async def test_each_change_is_one_event_and_the_last_is_finished(
    service: Service, client: httpx.AsyncClient, job_id: JobId
) -> None:
    call = asyncio.create_task(watched(client, job_id))
    await looks(service)
    held = await take(service)
    await looks(service)
    await note(service, held, "embed", 1, 2)
    await looks(service)
    await succeed(service, held)

    events = events_of(await call)

    assert [event["event"] for event in events] == ["progress", "progress", "progress", "finished"]
    assert [event["data"]["state"] for event in events] == ["queued", "running", "running", "succeeded"]
    assert [int(event["id"]) for event in events] == [event["data"]["changes"] for event in events]
    assert sorted({int(event["id"]) for event in events}) == [int(event["id"]) for event in events]


async def test_resuming_repeats_nothing(service: Service, client: httpx.AsyncClient, job_id: JobId) -> None:
    held = await take(service)
    known = (await client.get(f"/v1/jobs/{job_id}")).json()["changes"]
    call = asyncio.create_task(watched(client, job_id, **{"last-event-id": str(known)}))
    await looks(service)
    await succeed(service, held)

    events = events_of(await call)

    assert [event["event"] for event in events] == ["finished"]
    assert int(events[0]["id"]) > known


async def test_resuming_after_changes_begins_with_the_newest(
    service: Service, client: httpx.AsyncClient, job_id: JobId
) -> None:
    known = (await client.get(f"/v1/jobs/{job_id}")).json()["changes"]
    await succeed(service, await take(service))

    events = events_of(await watched(client, job_id, **{"last-event-id": str(known)}))

    assert [event["data"]["state"] for event in events] == ["succeeded"]


async def test_resuming_after_the_end_asks_not_to_come_again(
    service: Service, client: httpx.AsyncClient, job_id: JobId
) -> None:
    await succeed(service, await take(service))
    last = events_of(await watched(client, job_id))[-1]

    assert (await watched(client, job_id, **{"last-event-id": last["id"]})).status_code == 204


async def test_an_id_that_no_event_had_is_refused(client: httpx.AsyncClient, job_id: JobId) -> None:
    assert (await watched(client, job_id, **{"last-event-id": "x"})).status_code == 400


async def test_a_silent_stream_says_that_it_lives(
    service: Service, client: httpx.AsyncClient, job_id: JobId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "HEARTBEAT_S", PAUSE_S / 10)
    held = await take(service)
    call = asyncio.create_task(watched(client, job_id))
    await looks(service)
    await succeed(service, held)

    assert "\n\n: still here\n\n" in (await call).text


async def test_a_revoked_key_ends_the_stream(service: Service, job_id: JobId) -> None:
    key, secret = await service.parts.keys.create(service.scope, name="k", permissions=frozenset({Permission.UPLOAD}))
    async with service.client(secret) as client:
        call = asyncio.create_task(watched(client, job_id))
        await looks(service)
        await service.parts.keys.revoke(service.scope, key.id)
        events = events_of(await call)

    assert events[-1]["event"] == "error"
    assert events[-1]["data"]["error"]["code"] == "auth_revoked"


async def test_many_watchers_of_a_job_share_its_looks(
    service: Service, client: httpx.AsyncClient, job_id: JobId
) -> None:
    watch, looked = service.parts.jobs._watch, sizes_of_looks(service)
    calls = [asyncio.create_task(watched(client, job_id)) for _ in range(5)]
    await until(lambda: watch._followers.total() == len(calls))
    earlier, began = len(looked), time.monotonic()
    await looks(service, 20)
    most = 1 + (time.monotonic() - began) / PAUSE_S
    before = len(looked) - earlier
    await succeed(service, await take(service))

    replies = await asyncio.gather(*calls)

    assert all(events_of(reply)[-1]["event"] == "finished" for reply in replies)
    assert (set(looked), before <= most) == ({1}, True)


async def test_nobody_looks_when_nobody_watches(service: Service, client: httpx.AsyncClient, job_id: JobId) -> None:
    call = asyncio.create_task(watched(client, job_id))
    await looks(service)
    await succeed(service, await take(service))

    await call

    assert service.parts.jobs._watch._looking is None


async def test_a_client_that_leaves_is_no_longer_followed(service: Service, job_id: JobId) -> None:
    left = asyncio.Event()

    async def receive() -> dict[str, object]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        pass

    headers = [(b"authorization", f"Bearer {service.secret}".encode())]
    path = f"/v1/jobs/{job_id}/events"
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    call = asyncio.create_task(service.app(scope, receive, send))
    await looks(service)
    left.set()
    async with asyncio.timeout(PATIENCE_S):
        await call

    assert not service.parts.jobs._watch._followers
