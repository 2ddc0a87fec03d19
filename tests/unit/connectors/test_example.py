"""The example of docs/connectors.md works, and is what the page shows."""

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.port import Item, ItemGone
from rag_service.domain.sources import SOURCE_KINDS
from rag_service.errors import SourceRefused
from tests.examples.json_feed import open_json_feed
from tests.served_site import ServedSite, served_site

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "tests" / "examples" / "json_feed.py"
PAGE = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")


@pytest.fixture
def site() -> Iterator[ServedSite]:
    with served_site() as site:
        yield site


def feed(**contents: str) -> str:
    entries = [{"id": key, "title": f"On {key}", "content_html": text} for key, text in contents.items()]
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "Feed", "items": entries})


async def listed(site: ServedSite, tmp_path: Path) -> list[Item]:
    limits = SourceLimits(cache_dir=tmp_path, allow_private=True)
    async with open_json_feed(f"{site.url}/feed.json", limits) as connector:
        return [item async for item in connector.items({})]


async def test_entries_are_items_whose_revision_follows_their_content(site: ServedSite, tmp_path: Path) -> None:
    site.put("/feed.json", feed(a="one", b="two"), content_type="application/feed+json")
    before = await listed(site, tmp_path)
    site.put("/feed.json", feed(a="one", b="other"), content_type="application/feed+json")

    after = await listed(site, tmp_path)

    assert [item.filename for item in after] == ["On a.html", "On b.html"]
    assert [old.revision == new.revision for old, new in zip(before, after, strict=True)] == [True, False]


async def test_entries_are_fetched_without_a_listing_too(site: ServedSite, tmp_path: Path) -> None:
    site.put("/feed.json", feed(a="one"))
    limits = SourceLimits(cache_dir=tmp_path, allow_private=True)

    async with open_json_feed(f"{site.url}/feed.json", limits) as connector:
        pieces = [piece async for piece in connector.fetch(Item(key="a", filename="a.html", revision="1"))]
        with pytest.raises(ItemGone):
            await anext(aiter(connector.fetch(Item(key="z", filename="z.html", revision="1"))))

    assert pieces == [b"one"]


@pytest.mark.parametrize("body", ["<html>", "[]", '{"items": [{"title": "no id"}]}', '{"items": 3}'])
async def test_what_is_no_feed_does_not_look_empty(site: ServedSite, tmp_path: Path, body: str) -> None:
    site.put("/feed.json", body)

    with pytest.raises(SourceRefused):
        await listed(site, tmp_path)


def test_the_page_shows_the_example_as_it_is() -> None:
    assert f"```python\n{EXAMPLE.read_text(encoding='utf-8')}```" in PAGE


@pytest.mark.parametrize("kind", sorted(SOURCE_KINDS))
def test_the_page_explains_every_setting_and_credential(kind: str) -> None:
    section = PAGE.partition(f"### `{kind}`")[2].partition("\n### ")[0]
    named = [*(field.name for field in fields(SOURCE_KINDS[kind])), *SOURCE_KINDS[kind].credential_names]

    assert [name for name in named if f"`{name}`" not in section] == []
