"""/v1/corpora/{corpus}/sources."""

import hashlib
from typing import Any

import httpx
import pytest

from rag_service.domain.access import Permission
from rag_service.domain.sync import ChangeKind, RunState, SourceChange
from tests.api.parts import Service

PATH = "/v1/corpora/handbook/sources"
GIT = {
    "name": "docs",
    "kind": "git",
    "settings": {"url": "https://git.example.org/docs", "include": ["*.md"]},
    "credentials": {"token": "s3cret-token"},
    "every_s": 3600,
}


@pytest.fixture(autouse=True)
async def corpus(service: Service) -> str:
    return await service.corpus()


async def test_a_source_is_shown_as_it_was_set_up_but_for_its_secrets(client: httpx.AsyncClient) -> None:
    made = await client.post(PATH, json=GIT)

    shown = (await client.get(f"{PATH}/docs")).json()

    assert made.json() == shown
    assert (shown["settings"]["url"], shown["settings"]["include"]) == (GIT["settings"]["url"], ["*.md"])
    assert (shown["credentials"], shown["every_s"], shown["publish"]) == (["token"], 3600, "automatic")
    assert "s3cret" not in made.text


async def test_credentials_are_encrypted_in_the_catalog(service: Service, client: httpx.AsyncClient) -> None:
    await client.post(PATH, json=GIT)

    async with service.parts.catalog.reading() as tx:
        corpus = await tx.corpora.get(service.scope, "handbook")
        source = await tx.sources.named(service.scope, corpus.id, "docs")

    assert b"s3cret" not in source.credentials
    assert "s3cret" not in repr(source)
    assert b"s3cret" in service.parts.service_keys.decrypt(source.credentials, bound_to=source.id)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"kind": "carrier pigeon"}, "kind"),
        ({"settings": {}}, "url"),
        ({"settings": {"url": "https://x/y", "colour": "red"}}, "colour"),
        ({"settings": {"url": "https://ann:pw@x/y"}}, "url"),
        ({"credentials": {"cookie": "s3cret-cookie"}}, "cookie"),
        ({"name": "a:b"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"every_s": 5}, "every_s"),
    ],
)
async def test_what_cannot_be_used_is_refused_by_name(
    client: httpx.AsyncClient, change: dict[str, Any], param: str
) -> None:
    reply = await client.post(PATH, json=GIT | change)

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert "s3cret" not in reply.text


async def test_a_name_is_used_once(client: httpx.AsyncClient) -> None:
    await client.post(PATH, json=GIT)

    assert (await client.post(PATH, json=GIT)).status_code == 409


async def test_single_settings_are_replaced_and_all_credentials(client: httpx.AsyncClient) -> None:
    await client.post(PATH, json=GIT)

    changed = await client.patch(f"{PATH}/docs", json={"settings": {"branch": "next"}, "credentials": {}})

    assert changed.json()["settings"]["branch"] == "next"
    assert changed.json()["settings"]["url"] == GIT["settings"]["url"]
    assert (changed.json()["credentials"], changed.json()["every_s"]) == ([], 3600)


async def test_a_schedule_ends_with_a_pause_of_nothing(client: httpx.AsyncClient) -> None:
    await client.post(PATH, json=GIT)

    assert (await client.patch(f"{PATH}/docs", json={"every_s": 0})).json()["every_s"] == 0


async def test_only_admins_set_sources_up(service: Service, client: httpx.AsyncClient) -> None:
    await client.post(PATH, json=GIT)
    async with service.client(await service.key(Permission.UPLOAD, Permission.PUBLISH)) as other:
        refused = [
            await other.post(PATH, json=GIT | {"name": "more"}),
            await other.patch(f"{PATH}/docs", json={"every_s": 0}),
            await other.delete(f"{PATH}/docs"),
        ]

        assert [reply.status_code for reply in refused] == [404, 404, 404]
        assert (await other.get(PATH)).json()["data"][0]["name"] == "docs"


async def test_sources_are_for_those_who_work_on_the_corpus(service: Service, client: httpx.AsyncClient) -> None:
    await client.post(PATH, json=GIT)

    async with service.client(await service.key(Permission.CHAT, Permission.HISTORY)) as reader:
        for path in (PATH, f"{PATH}/docs", f"{PATH}/docs/runs"):
            assert (await reader.get(path)).status_code == 404


async def test_who_may_upload_starts_runs_and_who_may_publish_forces_them(
    service: Service, client: httpx.AsyncClient
) -> None:
    await client.post(PATH, json=GIT)
    async with service.client(await service.key(Permission.UPLOAD)) as uploader:
        forced = await uploader.post(f"{PATH}/docs/runs", json={"force": True})
        started = await uploader.post(f"{PATH}/docs/runs", json={})

    assert (forced.status_code, started.status_code) == (404, 202)
    assert (started.json()["run"]["state"], started.json()["job"]["kind"]) == ("queued", "sync_source")


async def test_one_run_is_open_at_a_time(client: httpx.AsyncClient) -> None:
    await client.post(PATH, json=GIT)
    await client.post(f"{PATH}/docs/runs", json={})

    assert (await client.post(f"{PATH}/docs/runs", json={"dry_run": True})).status_code == 409


async def test_a_run_is_shown_with_its_plan(service: Service, client: httpx.AsyncClient) -> None:
    await client.post(PATH, json=GIT)
    run_id = (await client.post(f"{PATH}/docs/runs", json={"dry_run": True})).json()["run"]["id"]
    plan = [
        SourceChange(key="b", kind=ChangeKind.RENAMED, renamed_from="a"),
        SourceChange(key="c", kind=ChangeKind.NEW),
    ]
    async with service.parts.catalog.writing() as tx:
        await tx.source_runs.add_changes(service.scope, run_id, plan)
        await tx.source_runs.end(service.scope, run_id, RunState.PLANNED, error=None, now=service.parts.clock())

    shown = (await client.get(f"{PATH}/docs/runs/{run_id}")).json()
    listed = (await client.get(f"{PATH}/docs/runs")).json()["data"]

    assert [(line["key"], line["kind"], line["renamed_from"]) for line in shown["changes"]] == [
        ("b", "renamed", "a"),
        ("c", "new", None),
    ]
    assert (shown["state"], shown["is_cut"]) == ("planned", False)
    assert [(run["id"], "changes" in run) for run in listed] == [(run_id, False)]


async def test_a_run_of_another_source_is_not_found(client: httpx.AsyncClient) -> None:
    for name in ("docs", "more"):
        await client.post(PATH, json=GIT | {"name": name})
    run_id = (await client.post(f"{PATH}/docs/runs", json={})).json()["run"]["id"]

    assert (await client.get(f"{PATH}/more/runs/{run_id}")).status_code == 404


async def test_a_source_is_removed_when_no_run_is_open(client: httpx.AsyncClient) -> None:
    await client.post(PATH, json=GIT)
    job_id = (await client.post(f"{PATH}/docs/runs", json={})).json()["job"]["id"]

    early = await client.delete(f"{PATH}/docs")
    await client.post(f"/v1/jobs/{job_id}/cancel")
    removed = await client.delete(f"{PATH}/docs")

    assert (early.status_code, removed.json()["deleted"]) == (409, True)
    assert (await client.get(f"{PATH}/docs")).status_code == 404


async def test_another_tenant_sees_no_sources(service: Service, client: httpx.AsyncClient) -> None:
    await client.post(PATH, json=GIT)
    secret, _ = await service.other_tenant()

    async with service.client(secret) as stranger:
        assert (await stranger.get(f"{PATH}/docs")).status_code == 404


@pytest.mark.parametrize("settings", [{"url": "https://mine.example.org/docs"}, {"url": "http://git.example.org/docs"}])
async def test_credentials_do_not_follow_a_source_to_another_address(
    client: httpx.AsyncClient, settings: dict[str, str]
) -> None:
    await client.post(PATH, json=GIT)

    refused = await client.patch(f"{PATH}/docs", json={"settings": settings})
    without = await client.patch(f"{PATH}/docs", json={"settings": settings, "credentials": {}})

    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "credentials")
    assert (without.status_code, without.json()["credentials"]) == (200, [])


async def test_credentials_stay_while_the_address_is_on_the_same_host(client: httpx.AsyncClient) -> None:
    await client.post(PATH, json=GIT)

    moved = await client.patch(f"{PATH}/docs", json={"settings": {"url": "https://GIT.example.org/other"}})

    assert (moved.status_code, moved.json()["credentials"]) == (200, ["token"])


async def test_nothing_kept_of_a_request_tells_its_credentials(service: Service, client: httpx.AsyncClient) -> None:
    made = await client.post(PATH, json=GIT, headers={"Idempotency-Key": "one"})
    again = await client.post(PATH, json=GIT, headers={"Idempotency-Key": "one"})

    async with service.parts.catalog.reading() as tx:
        request_hash, _, body = await tx.replies.find(service.scope, "one")

    guessed = f"POST {PATH}?\n".encode() + made.request.content
    assert again.content == made.content
    assert "s3cret" not in body
    assert request_hash != hashlib.sha256(guessed).hexdigest()


@pytest.mark.parametrize("token", [["s3cret"], {"s3cret": 1}, "s3cret\x00", "s3cret" * 1_000, "s3cret\nX: y"])
async def test_what_is_wrong_with_credentials_is_said_without_them(client: httpx.AsyncClient, token: object) -> None:
    reply = await client.post(PATH, json=GIT | {"credentials": {"token": token}})

    assert reply.status_code == 400
    assert "s3cret" not in reply.text
