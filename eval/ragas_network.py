"""Shuts the network of the RAGAS process but for the judge. Imported only by eval/ragas_worker.py.

RAGAS has had holes through which a text could make it fetch an address (CVE-2026-6587).
"""

import socket
import sys
from typing import Any
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def allow_only(judge_url: str | None) -> None:
    """Refuse every connection but those to the judge. It cannot be undone.

    The judge's name is looked up now, and again when another address is asked for: names move, and take turns.
    """
    host, port = _place_of(judge_url) if judge_url else ("", 0)
    addresses = _addresses_of(host, port) if host else set[str]()

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo" and arguments[0] not in {host, host.encode()} and not _is_here(arguments[0]):
            raise PermissionError(f"the network is shut: {arguments[0]}")
        if event in {"socket.connect", "socket.sendto", "socket.sendmsg"} and not _is_judge(arguments[1]):
            raise PermissionError(f"the network is shut: {arguments[1]}")

    def _is_judge(place: Any) -> bool:
        return isinstance(place, tuple) and place[1] == port and _is_here(place[0])

    def _is_here(address: Any) -> bool:
        if host and address not in addresses:
            addresses.update(_addresses_of(host, port))
        return address in addresses

    sys.addaudithook(refuse)


def _place_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _addresses_of(host: str, port: int) -> set[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return set()  # the judge cannot be found: every call to it fails, and says so
    return {str(address[0]) for *_, address in found}
