"""Stores are opened with a source's own credentials, and only where the operator lets sources go."""

import socket
from pathlib import Path

import fsspec
import pytest

from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.object_store import open_object_store
from ingestion.connectors.port import Item, ItemGone
from ingestion.connectors.stores import open_store
from rag_service.domain.sources import ObjectStoreSource
from rag_service.errors import SourceRefused, SourceUnavailable


@pytest.fixture
def outside(tmp_path: Path) -> SourceLimits:
    return SourceLimits(cache_dir=tmp_path, request_timeout_s=30)


@pytest.fixture
def inside(tmp_path: Path) -> SourceLimits:
    return SourceLimits(cache_dir=tmp_path, allow_private=True, request_timeout_s=30)


@pytest.mark.parametrize(
    "url",
    ["memory://bucket", "sftp://10.0.0.1/x", "smb://host/x", "zip://x", "simplecache://x", "reference://x", "data://x",
     "git://x", "github://x:y@z".replace("x:y@", ""), "nosuch://x", "dir://x", "asynclocal://tmp"],
)  # fmt: skip
async def test_stores_that_reach_inwards_are_refused(url: str, outside: SourceLimits) -> None:
    with pytest.raises(SourceRefused):
        await open_object_store(ObjectStoreSource(url=url), {}, outside).__aenter__()


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:9000", "http://169.254.169.254", "http://[::1]:9000", "http://localhost"]
)
async def test_an_endpoint_inside_is_refused(endpoint: str, outside: SourceLimits) -> None:
    settings = ObjectStoreSource(url="s3://bucket", endpoint_url=endpoint)

    with pytest.raises(SourceRefused, match="not on the public internet"):
        await open_object_store(settings, {}, outside).__aenter__()


def test_a_connection_to_an_address_inside_is_refused_whatever_its_name_was(outside: SourceLimits) -> None:
    store, _ = open_store(ObjectStoreSource(url="s3://bucket"), {}, outside)
    opens = store.config_kwargs["connector_args"]["socket_factory"]

    with pytest.raises(ConnectionRefusedError):
        opens((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.1", 443)))
    opens((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("8.8.8.8", 443))).close()


def test_without_credentials_a_source_is_a_stranger(outside: SourceLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-worker")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-worker")

    store, root = open_store(ObjectStoreSource(url="s3://bucket/folder/"), {}, outside)

    assert store.anon and store.key is None
    assert root == "bucket/folder"


async def test_a_store_that_does_not_answer_is_unavailable(inside: SourceLimits) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        settings = ObjectStoreSource(url="s3://bucket", endpoint_url=endpoint, region="us-east-1")

        with pytest.raises(SourceUnavailable) as caught:
            async with open_object_store(settings, {"key": "k", "secret": "s3cret"}, inside) as connector:
                await anext(aiter(connector.items({})))

    assert "s3cret" not in str(caught.value)


async def test_markers_of_folders_and_hidden_objects_are_left_out(inside: SourceLimits) -> None:
    store = fsspec.filesystem("memory")
    for name in ("a.md", ".hidden", "deep/.git/x", "deep/b.md"):
        store.pipe_file(f"/markers/{name}", b"x")
    async with open_object_store(ObjectStoreSource(url="memory://markers"), {}, inside) as connector:
        assert [item.key async for item in connector.items({})] == ["a.md", "deep/b.md"]


async def test_a_folder_beside_with_a_longer_name_is_not_part_of_it(inside: SourceLimits) -> None:
    store = fsspec.filesystem("memory")
    store.pipe_file("/beside/a/x.md", b"x")
    store.pipe_file("/beside/a-2/y.md", b"y")
    async with open_object_store(ObjectStoreSource(url="memory://beside/a"), {}, inside) as connector:
        assert [item.key async for item in connector.items({})] == ["x.md"]


@pytest.mark.parametrize("key", ["../outside/x.md", "a/../../outside/x.md"])
async def test_nothing_outside_the_folder_can_be_fetched(inside: SourceLimits, key: str) -> None:
    store = fsspec.filesystem("memory")
    store.pipe_file("/outside/x.md", b"secret")
    store.pipe_file("/within/x.md", b"x")
    async with open_object_store(ObjectStoreSource(url="memory://within"), {}, inside) as connector:
        with pytest.raises(ItemGone):
            await anext(aiter(connector.fetch(Item(key=key, filename="x", revision="1"))))


@pytest.mark.parametrize(
    "token", ["not json", '{"type": "external_account", "credential_source": {"executable": {}}}', "[]"]
)
def test_a_token_for_google_that_could_run_programs_is_refused(token: str, outside: SourceLimits) -> None:
    with pytest.raises(SourceRefused, match="service account"):
        open_store(ObjectStoreSource(url="gs://bucket"), {"token": token}, outside)


async def test_credentials_do_not_go_to_an_open_endpoint(outside: SourceLimits) -> None:
    settings = ObjectStoreSource(url="s3://bucket", endpoint_url="http://8.8.8.8")

    with pytest.raises(SourceRefused, match="https"):
        await open_object_store(settings, {"key": "k", "secret": "s"}, outside).__aenter__()


def test_a_store_that_is_where_its_address_says_is_opened_there(inside: SourceLimits) -> None:
    store, root = open_store(ObjectStoreSource(url="webhdfs://127.0.0.1:9870/papers"), {"user": "ann"}, inside)

    assert (store.url, root) == ("http://127.0.0.1:9870/webhdfs/v1", "/papers")


async def test_no_store_leads_to_where_clouds_hand_out_credentials(inside: SourceLimits) -> None:
    with pytest.raises(SourceRefused, match="not on the public internet"):
        await open_object_store(ObjectStoreSource(url="webhdfs://169.254.169.254/x"), {}, inside).__aenter__()


async def test_a_store_that_is_not_there_when_it_is_opened_is_unavailable(inside: SourceLimits) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings = ObjectStoreSource(url=f"ftp://127.0.0.1:{unused.getsockname()[1]}/x")

        with pytest.raises(SourceUnavailable):
            await open_object_store(settings, {}, inside).__aenter__()
