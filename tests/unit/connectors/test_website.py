"""A website is read politely, within its bounds, and never mistaken for an emptier one."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.port import ItemGone
from ingestion.connectors.website import open_website
from rag_service.domain.sources import WebsiteSource
from rag_service.errors import SourceRefused, SourceUnavailable, TooLarge
from tests.served_site import ServedSite, links, packed
from tests.unit.connectors.crawling import crawling, listed, paths


async def test_links_are_followed_level_by_level_within_host_and_folder(site: ServedSite, limits: SourceLimits) -> None:
    site.put(
        "/docs/", links("b", "/docs/a#part", "/other", "https://elsewhere.example/docs/x", "mailto:a@b.c", "pic.png")
    )
    site.put("/docs/a", links("deep/c", "b"))
    site.put("/docs/b", links("../docs/a"))
    site.put("/docs/deep/c", links())

    items = await listed(crawling(site, "/docs/"), limits)

    assert paths(site, items) == ["/docs/", "/docs/b", "/docs/a", "/docs/deep/c"]
    assert sorted(site.paths) == sorted(["/robots.txt", "/docs/", "/docs/", "/docs/a", "/docs/b", "/docs/deep/c"])


async def test_depth_ends_the_search(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links("a"))
    site.put("/a", links("b"))
    site.put("/b", links())

    assert paths(site, await listed(crawling(site, max_depth=1), limits)) == ["/", "/a"]


async def test_more_pages_than_allowed_are_refused_and_not_cut_off(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links("a", "b"))
    site.put("/a")
    site.put("/b")

    with pytest.raises(SourceRefused, match="more than 2 pages"):
        await listed(crawling(site, max_pages=2), limits)


async def test_sitemaps_name_pages_without_a_crawl(site: ServedSite, limits: SourceLimits) -> None:
    index = f"<sitemapindex><sitemap><loc>{site.url}/inner.xml.gz</loc></sitemap></sitemapindex>"
    inner = f"<urlset><url><loc>{site.url}/a</loc></url><url><loc>http://elsewhere.example/</loc></url></urlset>"
    site.put("/map.xml", index, content_type="text/xml")
    site.put("/inner.xml.gz", packed(inner), content_type="application/gzip")
    site.put("/a", links("b"))
    site.put("/b")

    assert paths(site, await listed(crawling(site, sitemaps=(f"{site.url}/map.xml",), crawl=False), limits)) == ["/a"]


@pytest.mark.parametrize(("status", "error"), [(404, SourceRefused), (503, SourceUnavailable)])
async def test_a_sitemap_that_cannot_be_had_fails_the_listing(
    site: ServedSite, limits: SourceLimits, status: int, error: type[Exception]
) -> None:
    site.put("/map.xml", status=status)

    with pytest.raises(error):
        await listed(crawling(site, sitemaps=(f"{site.url}/map.xml",), crawl=False), limits)


async def test_robots_keep_us_out_of_what_they_forbid(site: ServedSite, limits: SourceLimits) -> None:
    site.put(
        "/robots.txt",
        "User-agent: *\nDisallow: /private\nUser-agent: rag-service\nDisallow: /a",
        content_type="text/plain",
    )
    site.put("/", links("a", "private"))
    site.put("/a")
    site.put("/private")

    assert paths(site, await listed(crawling(site), limits)) == ["/", "/private"]
    assert "/a" not in site.paths


async def test_a_start_that_robots_forbid_is_refused(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/robots.txt", "User-agent: *\nDisallow: /", content_type="text/plain")

    with pytest.raises(SourceRefused, match="robots"):
        await listed(crawling(site), limits)


async def test_nothing_is_asked_for_while_the_rules_are_unknown(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/robots.txt", status=500)

    with pytest.raises(SourceUnavailable, match="robots"):
        await listed(crawling(site), limits)

    assert site.paths == ["/robots.txt"]


async def test_the_pause_that_robots_ask_for_is_kept(
    site: ServedSite, limits: SourceLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put("/robots.txt", "User-agent: *\nCrawl-delay: 7", content_type="text/plain")
    site.put("/", links())
    delays: list[float] = []

    class Noted:
        def __init__(self, delay_s: float) -> None:
            delays.append(delay_s)

        async def turn(self) -> None:
            pass

    monkeypatch.setattr("ingestion.connectors.website.Pace", Noted)

    await listed(crawling(site), limits)

    assert delays[-1] == 7


async def test_a_page_that_says_so_is_left_out_or_not_searched(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links("a", "b", "c"))
    site.put("/a", '<meta name="ROBOTS" content="NoIndex">' + links("from-a"))
    site.put("/b", '<meta name="robots" content="nofollow">' + links("from-b"))
    site.put("/c", links(), headers={"X-Robots-Tag": "noindex"})
    site.put("/from-a")
    site.put("/from-b")

    assert paths(site, await listed(crawling(site), limits)) == ["/", "/b", "/from-a"]


async def test_a_page_is_kept_at_the_address_that_it_calls_its_own(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links("a?from=home"))
    site.put("/a?from=home", '<link rel="canonical" href="/a">')
    site.put("/a", '<link rel="canonical" href="/a">')

    settings = crawling(site)
    first = await listed(settings, limits)

    assert paths(site, first) == ["/", "/a"]
    assert paths(site, await listed(settings, limits, first)) == ["/", "/a"]


async def test_a_redirect_within_the_site_leads_to_one_item(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links("old", "new"))
    site.redirect("/old", "/new")
    site.put("/new", "x")

    assert paths(site, await listed(crawling(site), limits)) == ["/", "/new"]


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data/", "//127.0.0.2/", "file:///etc/passwd", "/loop"]
)
async def test_a_redirect_elsewhere_leads_nowhere(site: ServedSite, limits: SourceLimits, target: str) -> None:
    site.put("/", links("loop"))
    site.redirect("/loop", target)

    assert paths(site, await listed(crawling(site), limits)) == ["/"]


async def test_every_hop_to_robots_and_sitemaps_is_checked_again(site: ServedSite, tmp_path: Path) -> None:
    site.redirect("/robots.txt", "http://10.0.0.1/robots.txt")
    limits = SourceLimits(cache_dir=tmp_path, allow_private=False, retry_wait_s=0)

    def resolve(host: str, _port: int) -> Sequence[str]:
        return ["8.8.8.8"] if host == "public.example" else [host]

    settings = WebsiteSource(url=f"{site.url}/", delay_s=0)
    async with open_website(settings, {}, limits, resolve=resolve) as connector:
        with pytest.raises(SourceRefused, match="not on the public internet"):
            await anext(connector.items({}))
    assert site.asked == []


async def test_robots_that_redirect_to_a_private_address_refuse_the_source(
    site: ServedSite, limits: SourceLimits
) -> None:
    site.redirect("/robots.txt", "http://169.254.169.254/robots.txt")

    with pytest.raises(SourceRefused, match="not on the public internet"):
        await listed(crawling(site), limits)


async def test_a_start_on_another_host_is_named(site: ServedSite, limits: SourceLimits) -> None:
    site.redirect("/", "https://www.example.org/")

    with pytest.raises(SourceRefused, match=r"https://www\.example\.org/"):
        await listed(crawling(site), limits)


async def test_a_folder_that_is_completed_by_a_redirect_is_the_folder(site: ServedSite, limits: SourceLimits) -> None:
    site.redirect("/docs", "/docs/")
    site.put("/docs/", links("a", "/outside"))
    site.put("/docs/a")
    site.put("/outside")

    assert paths(site, await listed(crawling(site, "/docs"), limits)) == ["/docs/", "/docs/a"]


async def test_only_documents_are_items(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links("a", "b", "c", "d.docx", "e"))
    site.put("/a", b"%PDF", content_type="application/pdf")
    site.put("/b", b"{}", content_type="application/json")
    site.put("/c", b"x", content_type="image/png")
    site.put("/d.docx", b"PK", content_type="application/octet-stream")
    site.put("/e", b"text", content_type="text/plain; charset=utf-8")

    items = await listed(crawling(site), limits)

    assert [item.filename for item in items] == ["127.0.0.1.html", "a.pdf", "d.docx", "e.txt"]


async def test_patterns_choose_items_and_what_is_excluded_is_not_asked_for(
    site: ServedSite, limits: SourceLimits
) -> None:
    site.put("/", links("a/b.html", "drafts/c.html"))
    site.put("/a/b.html")
    site.put("/drafts/c.html")

    items = await listed(crawling(site, include=("*.html",), exclude=("drafts/",)), limits)

    assert paths(site, items) == ["/a/b.html"]
    assert "/drafts/c.html" not in site.paths


async def test_a_site_that_has_too_many_requests_fails_the_listing(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links("a"))
    site.put("/a", status=429, headers={"Retry-After": "0"})

    with pytest.raises(SourceUnavailable, match="429"):
        await listed(crawling(site), limits)

    assert site.paths.count("/a") == 3


async def test_one_forbidden_page_is_left_out_and_a_locked_site_fails(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links("a"), etag='"1"')
    site.put("/a", status=403)
    assert paths(site, await listed(crawling(site), limits)) == ["/"]

    site.put("/", status=403)
    with pytest.raises(SourceRefused, match="403"):
        await listed(crawling(site), limits)


async def test_a_page_is_unpacked_as_far_as_the_limit(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links("a", "b"))
    site.put("/a", packed("fits"), content_type="text/plain", headers={"Content-Encoding": "gzip"}, etag='"1"')
    site.put("/b", packed("x" * 1_000_000), content_type="text/plain", headers={"Content-Encoding": "gzip"}, etag='"2"')

    async with open_website(crawling(site), {}, limits) as connector:
        _, fits, bomb = [item async for item in connector.items({})]
        assert b"".join([piece async for piece in connector.fetch(fits)]) == b"fits"
        with pytest.raises(TooLarge):
            async for _ in connector.fetch(bomb):
                pass


async def test_a_page_over_the_limit_is_listed_with_a_size_over_it(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links("a"))
    site.put("/a", b"x" * 20_000)

    [_, large] = await listed(crawling(site), limits)

    assert large.size_bytes and large.size_bytes > limits.max_item_bytes


async def test_a_body_that_was_read_for_its_links_is_not_sent_twice(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links())

    async with open_website(crawling(site), {}, limits) as connector:
        [item] = [item async for item in connector.items({})]
        site.asked.clear()

        assert b"".join([piece async for piece in connector.fetch(item)]) == links().encode()
    assert site.asked == []


async def test_a_page_that_went_away_since_is_gone(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links("a.pdf"))
    site.put("/a.pdf", b"%PDF", content_type="application/pdf", etag='"1"')

    async with open_website(crawling(site), {}, limits) as connector:
        *_, pdf = [item async for item in connector.items({})]
        del site.pages["/a.pdf"]
        with pytest.raises(ItemGone):
            await anext(aiter(connector.fetch(pdf)))


async def test_credentials_are_sent_to_the_site(site: ServedSite, limits: SourceLimits) -> None:
    site.put("/", links())

    await listed(crawling(site), limits, username="ann", password="secret")

    assert {headers["authorization"] for _, headers in site.asked} == {"Basic YW5uOnNlY3JldA=="}


async def test_credentials_do_not_go_over_an_open_connection(tmp_path: Path) -> None:
    opened = open_website(WebsiteSource(url="http://example.org/"), {"token": "t"}, SourceLimits(cache_dir=tmp_path))

    with pytest.raises(SourceRefused, match="https"):
        await opened.__aenter__()
