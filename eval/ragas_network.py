"""Shuts the network of the RAGAS process but for the judge. Imported only by eval/ragas_worker.py.

RAGAS has had holes through which a text could make it fetch an address (CVE-2026-6587).
"""

import socket
import sys
from typing import Any
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def allow_only(judge_url: str | None) -> None:
    """Refuse every connection but those to the judge, whose addresses are looked up now. It cannot be undone."""
    host, port = _place_of(judge_url) if judge_url else ("", 0)
    addresses = _addresses_of(host, port) if host else frozenset[str]()

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo" and arguments[0] not in {host, host.encode(), *addresses}:
            raise PermissionError(f"the network is shut: {arguments[0]}")
        if event in {"socket.connect", "socket.sendto", "socket.sendmsg"} and not _is_judge(arguments[1]):
            raise PermissionError(f"the network is shut: {arguments[1]}")

    def _is_judge(address: Any) -> bool:
        return isinstance(address, tuple) and address[0] in addresses and address[1] == port

    sys.addaudithook(refuse)


def _place_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _addresses_of(host: str, port: int) -> frozenset[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return frozenset()  # the judge cannot be found: every call to it fails, and says so
    return frozenset(str(address[0]) for *_, address in found)
