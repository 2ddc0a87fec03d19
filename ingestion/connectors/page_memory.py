"""What the last run saw of each page: without it a page that has not changed would have to be sent again for its links."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ingestion.connectors.port import Item
from ingestion.connectors.urls import Site

_FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPage:
    """`is_document` is false for pages that only lead to others; `canonical` is the address to ask in place of this one."""

    revision: str
    filename: str
    is_document: bool
    size_bytes: int | None = None
    content_id: str | None = None
    links: tuple[str, ...] = ()
    canonical: str | None = None

    def item(self, url: str) -> Item | None:
        """Return the item that the page is."""
        if not self.is_document:
            return None
        return Item(
            key=url,
            filename=self.filename,
            revision=self.revision,
            size_bytes=self.size_bytes,
            content_id=self.content_id,
        )


def load_pages(file: Path, site: Site) -> dict[str, SeenPage]:
    """Return the pages by address; none when the file is absent, of another format or damaged.

    Nor when another part of the website was wanted: links that led out of that one were not kept.
    """
    try:
        kept = json.loads(file.read_bytes())
        if (kept["format"], kept["site"]) != (_FORMAT, asdict(site)):
            return {}
        return {url: SeenPage(**{**page, "links": tuple(page["links"])}) for url, page in kept["pages"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def save_pages(file: Path, site: Site, pages: Mapping[str, SeenPage]) -> None:
    """Replace the file by one that holds `pages`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    kept = {"format": _FORMAT, "site": asdict(site), "pages": {url: asdict(page) for url, page in pages.items()}}
    draft.write_text(json.dumps(kept), encoding="utf-8")
    draft.replace(file)
