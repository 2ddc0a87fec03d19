"""Which addresses sources may connect to: public ones, so that nobody reads our own network through a source.

A name is resolved once for a connection, all its addresses are checked, and one of these is connected to. A name that is
answered differently a moment later changes nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpcore
from httpcore import SOCKET_OPTION

from rag_service.errors import SourceRefused

Resolve = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host; raises OSError when it has none."""

# Written out, because what `ipaddress` calls global differs between releases of Python.
_NEVER = [
    ip_network(text)
    for text in (
        "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/128", "fe80::/10", "ff00::/8",
        # Where clouds hand out credentials, outside the link-local range.
        "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::/32", "fd20:ce::/32",
    )
]  # fmt: skip
_PRIVATE = [
    ip_network(text)
    for text in (
        "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "2001::/23", "2001:db8::/32", "3fff::/20",
    )
]  # fmt: skip
_PUBLIC_V6 = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")
_V4_COMPATIBLE = ip_network("::/96")


def may_connect(address: str, *, allow_private: bool) -> bool:
    """Say whether sources may connect to an IP address; `allow_private` opens this machine and private networks."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    carried = _carried(found)
    if carried is not None:
        return may_connect(str(carried), allow_private=allow_private)
    if any(found in network for network in _NEVER if network.version == found.version):
        return False
    return allow_private or not _is_private(found)


def _is_private(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _PUBLIC_V6:
        return True
    return any(address in network for network in _PRIVATE if network.version == address.version)


def _carried(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    # A router or the kernel takes these to the IPv4 address inside.
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    is_wrapper = address in _NAT64 or (address in _V4_COMPATIBLE and int(address) > 1)
    return IPv4Address(int(address) & 0xFFFFFFFF) if is_wrapper else None


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of `host`, as the system resolves it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def checked(host: str, port: int, *, allow_private: bool, resolve: Resolve = resolved) -> list[str]:
    """Return the addresses of `host`, every one of which may be connected to.

    Raises:
        SourceRefused: one of them may not.
        OSError: the name has no address.
    """
    addresses = resolve(host, port)
    if not all(may_connect(address, allow_private=allow_private) for address in addresses):
        # Which address it is would tell outsiders about our network.
        raise SourceRefused(f"{host} is not on the public internet: sources may not connect to it.")
    return list(addresses)


class GuardedBackend(httpcore.NetworkBackend):
    """Opens connections to checked addresses, for threads."""

    def __init__(self, *, allow_private: bool, resolve: Resolve = resolved) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers."""
        failure: Exception = httpcore.ConnectError("no address")
        for address in _checked_for_http(host, port, allow_private=self._allow_private, resolve=self._resolve):
            try:
                return self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure


class GuardedAsyncBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to checked addresses, for the event loop."""

    def __init__(self, *, allow_private: bool, resolve: Resolve = resolved) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (the interface of httpcore)
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers."""
        resolving: Awaitable[list[str]] = asyncio.to_thread(
            _checked_for_http, host, port, allow_private=self._allow_private, resolve=self._resolve
        )
        failure: Exception = httpcore.ConnectError("no address")
        for address in await resolving:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Wait, as the connection pool asks for between attempts."""
        await asyncio.sleep(seconds)


def _checked_for_http(host: str, port: int, *, allow_private: bool, resolve: Resolve) -> list[str]:
    try:
        return checked(host, port, allow_private=allow_private, resolve=resolve)
    except (OSError, UnicodeError) as exc:
        raise httpcore.ConnectError(f"{host} has no address") from exc
