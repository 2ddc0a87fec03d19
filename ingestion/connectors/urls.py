"""Addresses of pages: written one way, and of one site or not."""

import posixpath
from dataclasses import dataclass
from urllib.parse import unquote

import httpx

MAX_URL_CHARS = 2048
_LAST_PORT = 65_535
_SCHEMES = frozenset({"http", "https"})


def normalised(url: str, *, base: str = "") -> str | None:
    """Return `url` as it is asked for, without its fragment; None when it is not the address of a page."""
    try:
        found = httpx.URL(base).join(url.strip()) if base else httpx.URL(url.strip())
        if found.scheme not in _SCHEMES or not found.host or found.userinfo or (found.port or 0) > _LAST_PORT:
            return None
        text = str(found.copy_with(fragment=None, raw_path=found.raw_path))
    except (httpx.InvalidURL, ValueError, TypeError):
        return None
    return text if len(text) <= MAX_URL_CHARS else None


@dataclass(frozen=True, slots=True)
class Site:
    """Pages of one host and port whose path begins with `prefix`; `start` is one of its addresses."""

    start: str
    prefix: str

    def holds(self, url: str) -> bool:
        """Say whether a normalised address is one of the site; https may take the place of http."""
        return self.is_host_of(url) and path_of_url(url).startswith(self.prefix)

    def is_host_of(self, url: str) -> bool:
        """Say whether a normalised address is on the site's host, wherever its path is."""
        mine, other = httpx.URL(self.start), httpx.URL(url)
        if (mine.host, mine.port) != (other.host, other.port):
            return False
        return other.scheme in {mine.scheme, "https"}


def site_of(start: str, prefix: str) -> Site:
    """Return the site of a start address: below `prefix`, or else below the folder of the address."""
    path = path_of_url(start)
    return Site(start, prefix or path[: path.rfind("/") + 1])


def path_of_url(url: str) -> str:
    """Return the path of an address as it is asked for, without its query."""
    return httpx.URL(url).raw_path.decode("ascii").partition("?")[0]


def name_of(url: str) -> str:
    """Return what patterns are compared with: the readable path without the slash at its start."""
    return unquote(path_of_url(url)).removeprefix("/")


def filename_of(url: str, ending: str) -> str:
    """Return a file name for the page at `url`: its last name, with the `ending` that its content has."""
    name = posixpath.basename(unquote(path_of_url(url)).rstrip("/")) or httpx.URL(url).host
    name = "".join(character for character in name if character.isprintable() and character not in "/\\")[:200]
    return name if name.lower().endswith(ending) else f"{name}{ending}"
