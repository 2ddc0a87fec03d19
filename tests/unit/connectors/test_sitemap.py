import gzip
import tracemalloc

import pytest

from ingestion.connectors import sitemap
from ingestion.connectors.sitemap import parse_sitemap
from rag_service.errors import SourceRefused

PAGES = b"""<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
  <url><loc> https://example.org/a?x=1&amp;y=2 </loc><lastmod>2026-01-01</lastmod>
    <image:image><image:loc>https://example.org/a.png</image:loc></image:image></url>
  <url><loc>https://example.org/b</loc></url>
  <url><lastmod>2026-01-01</lastmod></url>
</urlset>"""
INDEX = b"""<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
  <sitemap><loc>https://example.org/one.xml.gz</loc></sitemap></sitemapindex>"""


def test_pages_are_listed_in_their_order_and_pictures_are_not() -> None:
    assert parse_sitemap(PAGES, max_entries=10).pages == ("https://example.org/a?x=1&y=2", "https://example.org/b")


def test_a_packed_sitemap_is_unpacked() -> None:
    assert parse_sitemap(gzip.compress(PAGES), max_entries=10) == parse_sitemap(PAGES, max_entries=10)


def test_an_index_lists_sitemaps() -> None:
    assert parse_sitemap(INDEX, max_entries=10).sitemaps == ("https://example.org/one.xml.gz",)


def test_a_list_of_lines_is_a_sitemap() -> None:
    text = b"\xef\xbb\xbfhttps://example.org/a\r\n\r\nhttps://example.org/b\n"

    assert parse_sitemap(text, max_entries=10).pages == ("https://example.org/a", "https://example.org/b")


@pytest.mark.parametrize(
    "content",
    [
        b"<html><body>not found",
        b"<html><body>not found</body></html>",
        b"soft not found",
        b'<!DOCTYPE x [<!ENTITY a "b">]><urlset><url><loc>&a;</loc></url></urlset>',
        gzip.compress(PAGES)[:-20],
        b"<urlset><url><loc>https://example.org/a</loc></url>",
    ],
)
def test_what_is_no_sitemap_is_refused_and_not_empty(content: bytes) -> None:
    with pytest.raises(SourceRefused):
        parse_sitemap(content, max_entries=10)


def test_more_entries_than_the_limit_are_refused() -> None:
    with pytest.raises(SourceRefused, match="more than 1 addresses"):
        parse_sitemap(PAGES, max_entries=1)


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemap, "MAX_SITEMAP_BYTES", 10_000)

    with pytest.raises(SourceRefused, match="larger"):
        parse_sitemap(gzip.compress(b"<urlset>" + b" " * 1_000_000), max_entries=10)


def test_what_leads_down_without_end_is_no_sitemap() -> None:
    with pytest.raises(SourceRefused, match="something else"):
        parse_sitemap(b"<urlset>" + b"<a>" * 100_000, max_entries=10)


def test_what_is_not_wanted_of_a_sitemap_is_not_kept_in_memory() -> None:
    content = b"<urlset>" + b"<a/>" * 20_000 + b"</urlset>"
    tracemalloc.start()
    parse_sitemap(content, max_entries=10)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most_bytes < 20 * len(content)
