"""Sitemaps after sitemaps.org: lists of pages, lists of lists, plain or packed, and plain text."""

import gzip
import io
import zlib
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from rag_service.errors import SourceRefused

MAX_SITEMAP_BYTES = 50 * 2**20
"""The size that the standard allows, unpacked."""

_MOST_DEPTH = 20
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Sitemap:
    """Addresses as they are written, of pages and of further sitemaps."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()


def parse_sitemap(content: bytes, *, max_entries: int) -> Sitemap:
    """Return what a sitemap lists.

    Raises:
        SourceRefused: it is no sitemap, is broken, or over a limit.
    """
    plain = _unpacked(content) if content.startswith(_GZIP) else content
    if not plain.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return Sitemap(pages=_lines(plain, max_entries))
    return _entries(plain, max_entries)


def _entries(content: bytes, max_entries: int) -> Sitemap:
    found: dict[str, list[str]] = {"url": [], "sitemap": []}
    events = iterparse(io.BytesIO(content), events=("start", "end"), forbid_dtd=True)
    try:
        _, root = next(events)
        if _local(root.tag) not in {"urlset", "sitemapindex"}:
            # An error page that is well-formed would otherwise be a website without pages.
            raise SourceRefused("The sitemap is something else.")
        depth = 1
        for event, element in events:
            depth += 1 if event == "start" else -1
            if depth > _MOST_DEPTH:
                raise SourceRefused("The sitemap is something else.")
            kind = _local(element.tag)
            if event == "end" and kind in found:
                found[kind].extend(_location(element))
            if depth == 1:
                # Nothing that was read stays in memory, whatever else it lists.
                root.clear()
            if sum(map(len, found.values())) > max_entries:
                raise SourceRefused(f"The sitemap lists more than {max_entries} addresses.")
    except (ParseError, DefusedXmlException, ValueError, LookupError) as exc:
        raise SourceRefused("The sitemap is not valid XML.") from exc
    return Sitemap(pages=tuple(found["url"]), sitemaps=tuple(found["sitemap"]))


def _unpacked(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            plain = file.read(MAX_SITEMAP_BYTES + 1)
    except (OSError, EOFError, zlib.error) as exc:
        raise SourceRefused("The sitemap is packed and damaged.") from exc
    if len(plain) > MAX_SITEMAP_BYTES:
        raise SourceRefused("The sitemap is larger than the standard allows.")
    return plain


def _lines(content: bytes, max_entries: int) -> tuple[str, ...]:
    lines = [line.strip() for line in content.decode("utf-8-sig", "replace").splitlines()]
    pages = tuple(line for line in lines if line.startswith(("http://", "https://")))
    if any(line and not line.startswith(("http://", "https://")) for line in lines):
        raise SourceRefused("The sitemap is neither XML nor a list of addresses.")
    if len(pages) > max_entries:
        raise SourceRefused(f"The sitemap lists more than {max_entries} addresses.")
    return pages


def _location(element: Element) -> list[str]:
    return [child.text.strip() for child in element if _local(child.tag) == "loc" and child.text]


def _local(tag: str) -> str:
    return tag.rpartition("}")[2].lower()
