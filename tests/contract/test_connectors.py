"""What every connector keeps, over a real source of each kind on this machine."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.connectors.port import Connector, Item, ItemGone
from rag_service.errors import SourceRefused, SourceUnavailable
from tests.contract.source_worlds import (
    World,
    folder_world,
    git_file_world,
    git_http_world,
    memory_world,
    s3_world,
    website_world,
)

KINDS = {
    "folder": folder_world,
    "git_file": git_file_world,
    "git_http": git_http_world,
    "website": website_world,
    "memory": memory_world,
}


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    # Its import takes longer than the tests of other kinds.
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=[*KINDS, "s3"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    is_s3 = request.param == "s3"
    made = s3_world(tmp_path, request.getfixturevalue("s3_endpoint")) if is_s3 else KINDS[request.param](tmp_path)
    with made as world:
        world.sets("a.html", b"<p>first</p>")
        world.sets("deep/b.html", b"<p>second</p>")
        yield world


async def content(connector: Connector, item: Item) -> bytes:
    return b"".join([piece async for piece in connector.fetch(item)])


async def test_every_item_is_listed_once_with_a_file_name(world: World) -> None:
    items = await world.items()

    assert {name: item.filename for name, item in items.items()} == {"a.html": "a.html", "deep/b.html": "b.html"}


async def test_the_bytes_of_an_item_are_fetched(world: World) -> None:
    async with world.open() as connector:
        items = world.named([item async for item in connector.items({})])

        assert await content(connector, items["a.html"]) == b"<p>first</p>"


async def test_an_item_of_an_earlier_opening_can_be_fetched(world: World) -> None:
    items = await world.items()

    async with world.open() as connector:
        assert await content(connector, items["deep/b.html"]) == b"<p>second</p>"


async def test_what_does_not_change_keeps_its_revision(world: World) -> None:
    before = await world.items()

    after = await world.items({item.key: item.revision for item in before.values()})

    assert {name: item.revision for name, item in after.items()} == {
        name: item.revision for name, item in before.items()
    }


@pytest.mark.parametrize("name", ["a.html", "deep/b.html"])
async def test_what_changes_gets_another_revision(world: World, name: str) -> None:
    before = await world.items()
    world.sets(name, b"<p>other</p>")

    async with world.open() as connector:
        known = {item.key: item.revision for item in before.values()}
        after = world.named([item async for item in connector.items(known)])

        assert {one for one in after if after[one].revision != before[one].revision} == {name}
        assert await content(connector, after[name]) == b"<p>other</p>"


async def test_what_is_added_is_listed(world: World) -> None:
    before = await world.items()
    world.sets("new.html", b"<p>third</p>")

    after = await world.items({item.key: item.revision for item in before.values()})

    assert set(after) == {"a.html", "deep/b.html", "new.html"}


async def test_what_is_removed_is_listed_no_more(world: World) -> None:
    before = await world.items()
    world.sets("a.html", None)

    assert set(await world.items({item.key: item.revision for item in before.values()})) == {"deep/b.html"}


async def test_what_is_renamed_keeps_its_content_id_where_the_source_knows_one(world: World) -> None:
    before = await world.items()
    world.rename("deep/b.html", "moved/c.html", b"<p>second</p>")

    after = await world.items({item.key: item.revision for item in before.values()})

    assert set(after) == {"a.html", "moved/c.html"}
    wanted = before["deep/b.html"].content_id
    assert after["moved/c.html"].content_id == wanted
    assert (wanted is not None) is world.knows_renames


async def test_other_bytes_have_another_content_id(world: World) -> None:
    items = await world.items()

    assert items["a.html"].content_id != items["deep/b.html"].content_id or not world.knows_renames


async def test_an_item_that_is_gone_says_so(world: World) -> None:
    items = await world.items()
    missing = replace(items["a.html"], key=f"{items['a.html'].key}-not-there", revision="0" * 40)

    async with world.open() as connector:
        with pytest.raises(ItemGone):
            await content(connector, missing)


async def test_a_source_that_fails_does_not_look_empty(world: World) -> None:
    known = {item.key: item.revision for item in (await world.items()).values()}
    world.breaks()

    with pytest.raises((SourceUnavailable, SourceRefused)):
        await world.items(known)


async def test_patterns_choose_what_is_listed(world: World) -> None:
    world.settings = replace(world.settings, include=("deep/", "*.htm"))

    assert set(await world.items()) == {"deep/b.html"}


async def test_more_items_than_the_limit_are_refused(world: World) -> None:
    world.limits = replace(world.limits, max_items=1)
    if hasattr(world.settings, "max_pages"):
        world.settings = replace(world.settings, max_pages=1)

    with pytest.raises(SourceRefused, match="more than 1"):
        await world.items()


async def test_objects_whose_names_differ_by_a_slash_are_two(s3_endpoint: str, tmp_path: Path) -> None:
    with s3_world(tmp_path, s3_endpoint) as world:
        world.sets("deep/a.md", b"one")
        world.sets("/deep/a.md", b"two")
        world.sets("deep//a.md", b"three")
        async with world.open() as connector:
            found = {item.key: await content(connector, item) async for item in connector.items({})}

    assert found == {"deep/a.md": b"one", "/deep/a.md": b"two", "deep//a.md": b"three"}
