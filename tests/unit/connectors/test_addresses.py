from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import httpcore
import pytest

from ingestion.connectors.addresses import GuardedAsyncBackend, GuardedBackend, checked, may_connect
from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.web_client import WebClient
from rag_service.errors import SourceRefused, SourceUnavailable
from tests.served_site import ServedSite, served_site

PUBLIC = ["8.8.8.8", "1.1.1.1", "151.101.1.6", "2606:4700:4700::1111", "2a00:1450:4001:82a::200e", "64:ff9b::808:808"]
PRIVATE = [
    "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "172.16.0.1", "172.31.255.255", "192.0.2.7", "192.168.1.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.9", "::1", "fc00::1", "fdab::1", "fec0::1", "2001:db8::1", "100::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "64:ff9b::a00:1", "64:ff9b:1::1", "::a00:1",
    "2001:0:53aa:64c::1",
]  # fmt: skip
NEVER = [
    "0.0.0.0", "0.1.2.3", "169.254.169.254",  # noqa: S104
    "169.254.170.2", "100.100.100.200", "168.63.129.16", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "fe80::1", "fe80::1%eth0", "ff02::1", "fd00:ec2::254",
    "::ffff:169.254.169.254", "2002:a9fe:a9fe::", "64:ff9b::a9fe:a9fe", "::ffff:0.0.0.0", "",  "no address",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_connected_to(address: str) -> None:
    assert may_connect(address, allow_private=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_only_when_the_operator_allows_them(address: str) -> None:
    assert not may_connect(address, allow_private=False)
    assert may_connect(address, allow_private=True) or address == "::a00:1"


@pytest.mark.parametrize("address", NEVER)
def test_addresses_that_hold_credentials_or_are_no_hosts_never(address: str) -> None:
    assert not may_connect(address, allow_private=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost", "[::1]".strip("[]")])
def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    with pytest.raises(SourceRefused):
        checked(host, 80, allow_private=False)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(SourceRefused, match="not on the public internet") as caught:
        checked("rebind.example", 443, allow_private=False, resolve=lambda *_: ["8.8.8.8", "10.0.0.5"])

    assert "10.0.0.5" not in str(caught.value)


def changing(*answers: Sequence[str]) -> Callable[[str, int], Sequence[str]]:
    left = list(answers)
    return lambda _host, _port: left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture
def site() -> AsyncIterator[ServedSite]:
    with served_site() as site:
        yield site


def test_a_thread_connects_to_the_address_that_was_checked(site: ServedSite) -> None:
    port = int(site.url.rpartition(":")[2])
    # A second resolution would lead elsewhere; there is none.
    backend = GuardedBackend(allow_private=True, resolve=changing(["127.0.0.1"], ["169.254.169.254"]))
    with httpcore.ConnectionPool(network_backend=backend) as pool:
        assert pool.request("GET", f"http://name.example:{port}/").status == 404

    assert site.asked[0][1]["host"] == f"name.example:{port}"


async def test_a_name_that_is_rebound_to_a_private_address_is_refused_at_the_next_connection(site: ServedSite) -> None:
    port = int(site.url.rpartition(":")[2])
    backend = GuardedAsyncBackend(allow_private=True, resolve=changing(["127.0.0.1"], ["169.254.169.254"]))
    async with httpcore.AsyncConnectionPool(network_backend=backend, max_keepalive_connections=0) as pool:
        assert (await pool.request("GET", f"http://name.example:{port}/")).status == 404
        with pytest.raises(SourceRefused):
            await pool.request("GET", f"http://name.example:{port}/")


async def test_credentials_go_to_their_own_host_only(site: ServedSite, tmp_path: Path) -> None:
    limits = SourceLimits(cache_dir=tmp_path, allow_private=True)
    async with WebClient(limits, authorisation="Bearer s", authorised_origin="http://other.example") as client:
        await (await client.ask(f"{site.url}/a")).aclose()
    async with WebClient(limits, authorisation="Bearer s", authorised_origin=site.url) as client:
        await (await client.ask(f"{site.url}/b")).aclose()

    assert [headers.get("authorization") for _, headers in site.asked] == [None, "Bearer s"]


async def test_a_name_without_an_address_is_a_source_that_cannot_be_reached(tmp_path: Path) -> None:
    def fails(_host: str, _port: int) -> Sequence[str]:
        raise OSError

    async with WebClient(SourceLimits(cache_dir=tmp_path), resolve=fails) as client:
        with pytest.raises(SourceUnavailable):
            await client.ask("http://nowhere.example/")
