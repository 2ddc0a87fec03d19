"""A website that was listed before: what is remembered of it, and what is asked for again."""

from ingestion.connectors.limits import SourceLimits
from tests.served_site import ServedSite, links
from tests.unit.connectors.crawling import crawling, listed, paths


async def test_a_page_that_breaks_is_neither_deleted_nor_in_the_way(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links("a", "b"))
    site.put("/a", links("c"))
    site.put("/b")
    site.put("/c")
    before = await listed(crawling(site), limits)
    site.put("/a", status=500)

    assert paths(site, await listed(crawling(site), limits, before)) == paths(site, before)


async def test_unchanged_pages_are_not_sent_again_and_their_links_are_still_known(
    site: ServedSite, limits: SourceLimits
) -> None:
    site.put("/", links("a", "b.pdf"), etag='"1"')
    site.put("/a", links("c"), etag='W/"2"')
    site.put(
        "/b.pdf", b"%PDF", content_type="application/pdf", headers={"Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT"}
    )
    site.put("/c", "no tag")
    first = await listed(crawling(site), limits)
    site.asked.clear()

    again = await listed(crawling(site), limits, first)

    assert again == first
    headers = dict(site.asked)
    assert headers["/a"]["if-none-match"] == 'W/"2"'
    assert headers["/b.pdf"]["if-modified-since"] == "Sun, 22 Nov 2026 10:00:00 GMT"
    assert again[-1].revision.startswith("sha256:")


async def test_damaged_memory_of_the_last_run_is_no_obstacle(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links())
    before = await listed(crawling(site), limits)
    (limits.cache_dir / "pages.json").write_text('{"format": 1, "pages": {"x": 3}}')

    assert await listed(crawling(site), limits, before) == before


async def test_another_part_of_the_site_is_searched_anew(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/docs/", links("a", "/blog/"), etag='"1"')
    site.put("/docs/a")
    site.put("/blog/")
    before = await listed(crawling(site, "/docs/"), limits)

    wider = await listed(crawling(site, "/docs/", path_prefix="/"), limits, before)

    assert paths(site, wider) == ["/docs/", "/docs/a", "/blog/"]


async def test_what_only_a_broken_page_leads_to_is_asked_for_by_its_address(
    site: ServedSite, limits: SourceLimits
) -> None:
    site.put("/", links("list", "gone.pdf"))
    site.put("/list", links("a.pdf"))
    site.put("/a.pdf", b"%PDF", content_type="application/pdf", etag='"1"')
    site.put("/gone.pdf", b"%PDF", content_type="application/pdf", etag='"1"')
    settings = crawling(site, include=("*.pdf",))
    before = await listed(settings, limits)
    (limits.cache_dir / "pages.json").unlink()
    site.put("/", links("list"))
    site.put("/list", status=500)
    del site.pages["/gone.pdf"]

    assert paths(site, await listed(settings, limits, before)) == ["/a.pdf"]


async def test_a_broken_page_that_nothing_is_remembered_of_keeps_its_content(
    site: ServedSite, limits: SourceLimits
) -> None:
    site.put("/", links("a"))
    site.put("/a", links("b"), etag='"1"')
    site.put("/b")
    before = await listed(crawling(site), limits)
    (limits.cache_dir / "pages.json").unlink()
    site.put("/a", status=502)

    broken = await listed(crawling(site), limits, before)
    site.put("/a", links("b"), etag='"1"')

    assert [(item.key, item.revision) for item in broken] == [(item.key, item.revision) for item in before]
    assert paths(site, await listed(crawling(site), limits, before)) == ["/", "/a", "/b"]
