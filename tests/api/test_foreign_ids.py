"""FAULTS 23: whose id is guessed right by another tenant finds what an id finds that never was."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from rag_service.api import install
from rag_service.api.openai.file_batches import _decoded
from rag_service.domain.ids import FileId
from tests.api.background import prepare, publish_uploads
from tests.api.parts import Service
from tests.api.planted_runs import plant
from tests.evaluation_values import result, run

QUESTION = {"model": "handbook", "messages": [{"role": "user", "content": "When does the car park close?"}]}
GOLDEN = {"question": "Who keeps the keys of the gate?", "answers": ["The porter"]}
SOURCE = {"name": "docs", "kind": "git", "settings": {"url": "https://git.example.org/docs", "include": ["*.md"]}}

NUMBERS = {"number": "1"}
"""Versions and revisions are numbered: what has to be guessed is whose."""

NOTHING_STORED = {"batch_id"}
"""The id of a batch says which files it has. Of files that are not the caller's it says nothing, in a store that is."""

QUERY = {"/v1/corpora/{corpus}/versions/diff": {"from": "1", "to": "1"}}
HEADERS = {"/v1/jobs/{job_id}/events": {"last-event-id": "1"}}


@dataclass(frozen=True, kw_only=True)
class World:
    """Ids of one tenant's things, what the other one has of its own to put before them, and ids of nothing."""

    theirs: Mapping[str, str]
    mine: Mapping[str, str]
    absent: Mapping[str, str]


def absent_batch(batch_id: str) -> str:
    """Return the id of a batch of the same second, of a file that never was."""
    return replace(_decoded(batch_id), file_ids=(FileId("file-absent"),)).id()


async def planted(service: Service, client: httpx.AsyncClient) -> dict[str, str]:
    """Make one thing of every kind; return the ids by the names that routes have for them."""

    async def post(path: str, body: object) -> dict[str, str]:
        made: dict[str, str] = (await client.post(path, json=body)).json()
        assert "error" not in made, made
        return made

    corpus_id = await service.corpus()
    file_id = (await client.post("/v1/files", files={"file": ("a.md", b"text")})).json()["id"]
    batch = await post(f"/v1/vector_stores/{corpus_id}/file_batches", {"file_ids": [file_id]})
    attached = (await client.get(f"/v1/vector_stores/{corpus_id}/files/{file_id}")).json()
    await prepare(service, attached["document_id"])
    await publish_uploads(service, corpus_id)
    draft = await post("/v1/corpora/handbook/drafts", {"name": "spring"})
    source = await post("/v1/corpora/handbook/sources", SOURCE)
    run_id = await plant(service, corpus_id, run(), [result()])
    erased = await post("/v1/vector_stores", {"name": "erased"})
    job_id = (await client.get("/v1/jobs")).json()["data"][0]["id"]
    await post(f"/v1/jobs/{job_id}/cancel", {})
    return {
        "model": corpus_id,
        "corpus": corpus_id,
        "vector_store_id": corpus_id,
        "file_id": file_id,
        "batch_id": batch["id"],
        "document_id": attached["document_id"],
        "answer_id": (await post("/v1/chat/completions", QUESTION))["x_rag"]["answer_id"],  # type: ignore[index]
        "job_id": job_id,
        "draft": draft["id"],
        "run_id": run_id,
        "case_id": "gold_1",
        "erasure_id": (await post("/v1/erasures", {"kind": "corpus", "corpus": erased["id"]}))["id"],
        "source": source["id"],
        "run": (await post("/v1/corpora/handbook/sources/docs/runs", {}))["run"]["id"],  # type: ignore[index]
        "golden": (await post("/v1/corpora/handbook/golden", GOLDEN))["id"],
    }


@pytest.fixture
async def world(service: Service, client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> World:
    theirs = await planted(service, client)
    mine = (await stranger.post("/v1/vector_stores", json={"name": "mine"})).json()["id"]
    await stranger.post(f"/v1/corpora/{mine}/sources", json=SOURCE)
    absent = {name: f"{name}-absent" for name in theirs} | {"batch_id": absent_batch(theirs["batch_id"])}
    own = {"corpus": mine, "vector_store_id": mine, "source": "docs"}
    return World(theirs=theirs, mine=own, absent=absent)


@pytest.fixture
async def stranger(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    secret, _ = await service.other_tenant()
    async with service.client(secret) as opened:
        yield opened


def routes_with_ids() -> list[str]:
    app = FastAPI()
    install(app)
    return [path for path, methods in app.openapi()["paths"].items() if "get" in methods and "{" in path]


@contextmanager
def statements(service: Service) -> Iterator[list[str]]:
    """Note what the catalog is asked."""
    noted: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        noted.append(statement)

    database = service.parts.catalog._database
    engines = [database._reader.sync_engine, database._writer.sync_engine]
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    yield noted
    for engine in engines:
        sa.event.remove(engine, "before_cursor_execute", note)


def guesses(route: str, world: World) -> Iterator[tuple[Mapping[str, str], Mapping[str, str], str]]:
    """Yield the ids of a right guess and of a wrong one: of each thing named in the path, inside what is one's own."""
    names = [part[1:-1] for part in route.split("/") if part.startswith("{") and part[1:-1] not in NUMBERS]
    for place, name in enumerate(names):
        before = names[:place]
        if all(outer in world.mine for outer in before):
            own = {outer: world.mine[outer] for outer in before}
            yield {**world.theirs, **own}, {**world.theirs, **own, name: world.absent[name]}, name


async def asked(
    service: Service, client: httpx.AsyncClient, route: str, ids: Mapping[str, str]
) -> tuple[httpx.Response, Sequence[str]]:
    with statements(service) as noted:
        path = route.format_map({**NUMBERS, **ids})
        reply = await client.get(path, params=QUERY.get(route), headers=HEADERS.get(route))
    return reply, noted


async def difference(
    service: Service, client: httpx.AsyncClient, route: str, guessed: tuple[Mapping[str, str], Mapping[str, str], str]
) -> str:
    """Return in what the replies to a right and to a wrong guess differ, if in anything."""
    right, wrong, name = guessed
    foreign, looked = await asked(service, client, route, right)
    absent, looked_for_nothing = await asked(service, client, route, wrong)
    status = 200 if name in NOTHING_STORED else 404
    if (foreign.status_code, absent.status_code) != (status, status):
        return f"{name}: {foreign.status_code}, {absent.status_code}"
    if foreign.text.replace(right[name], "?") != absent.text.replace(wrong[name], "?"):
        return f"{name}: {foreign.text} {absent.text}"
    return "" if looked == looked_for_nothing else f"{name}: {len(looked)} and {len(looked_for_nothing)} statements"


async def test_a_right_guess_finds_what_a_wrong_one_finds(
    service: Service, stranger: httpx.AsyncClient, world: World
) -> None:
    differences = {
        (route, await difference(service, stranger, route, guessed))
        for route in routes_with_ids()
        for guessed in guesses(route, world)
    }

    assert {each for each in differences if each[1]} == set()


async def test_its_owner_finds_all_of_it(service: Service, client: httpx.AsyncClient, world: World) -> None:
    statuses = {
        route: (await asked(service, client, route, world.theirs))[0].status_code for route in routes_with_ids()
    }

    # 204: to whoever has seen all events of a job that has ended, nothing is told again.
    assert {route: status for route, status in statuses.items() if status not in {200, 204}} == {}
