"""Listings of a website on this machine."""

from collections.abc import Sequence
from typing import Any

from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.port import Item
from ingestion.connectors.website import open_website
from rag_service.domain.sources import WebsiteSource
from tests.served_site import ServedSite


def crawling(site: ServedSite, start: str = "/", **options: Any) -> WebsiteSource:
    return WebsiteSource(url=f"{site.url}{start}", **{"delay_s": 0, **options})


async def listed(
    settings: WebsiteSource, limits: SourceLimits, known: Sequence[Item] = (), **credentials: str
) -> list[Item]:
    async with open_website(settings, credentials, limits) as connector:
        return [item async for item in connector.items({item.key: item.revision for item in known})]


def paths(site: ServedSite, items: Sequence[Item]) -> list[str]:
    return [item.key.removeprefix(site.url) for item in items]
