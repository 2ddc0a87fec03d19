"""What a page says about other pages and about itself."""

from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from ingestion.connectors.urls import normalised
from ingestion.parsing.decoding import declared_charset, decode
from ingestion.parsing.markup.html_nodes import parsed

MAX_HTML_BYTES = 16 * 2**20
"""Larger pages are documents still, but are not searched for links."""

_MOST_LINKS = 10_000


@dataclass(frozen=True, slots=True)
class PageLinks:
    """`links` are normalised addresses, each once and in the page's order; `canonical` is where the page says it is."""

    links: tuple[str, ...] = ()
    canonical: str | None = None
    may_be_kept: bool = True


def read_links(html: bytes, url: str, *, header: str = "") -> PageLinks:
    """Return what the page at `url` says; `header` is its X-Robots-Tag."""
    text, _ = decode(html, declared=declared_charset(html))
    tree = parsed(text)
    base = next((_href(node) for node in tree.css("base[href]")), "")
    here = normalised(base, base=url) if base else url
    rules = _rules(tree, header)
    found = (normalised(_href(node), base=here or url) for node in tree.css("a[href], area[href]"))
    links = dict.fromkeys(link for link in found if link)
    canonical = next((_href(node) for node in tree.css('link[rel~="canonical"][href]')), "")
    return PageLinks(
        links=() if rules & {"nofollow", "none"} else tuple(links)[:_MOST_LINKS],
        canonical=normalised(canonical, base=here or url) if canonical else None,
        may_be_kept=not rules & {"noindex", "none"},
    )


def _rules(tree: LexborHTMLParser, header: str) -> set[str]:
    tags = [node.attributes.get("content") or "" for node in tree.css('meta[name="robots" i]')]
    return {rule.strip().lower() for text in [*tags, header] for rule in text.split(",")}


def _href(node: object) -> str:
    attributes = getattr(node, "attributes", {})
    return str(attributes.get("href") or "")
