"""Which object stores are opened, and with which options.

Never with what the worker itself may do: without credentials of its own a source is a stranger, whatever the environment
or the machine's role would allow.
"""

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import fsspec

from ingestion.connectors.addresses import checked, may_connect
from ingestion.connectors.limits import SourceLimits
from rag_service.domain.sources import ObjectStoreSource
from rag_service.errors import SourceRefused, SourceUnavailable

_S3 = frozenset({"s3", "s3a"})
_GOOGLE = frozenset({"gs", "gcs"})
_AZURE = frozenset({"az", "abfs", "abfss"})
_NEAR = frozenset(
    {"memory", "sftp", "ssh", "ftp", "smb", "webdav", "webhdfs", "hdfs", "oss", "oci", "b2", "cos", "obs", "hf"}
)
"""These connect where their address says, or are this process: for operators who let sources into their network."""


def open_store(
    settings: ObjectStoreSource, credentials: Mapping[str, str], limits: SourceLimits
) -> tuple[fsspec.AbstractFileSystem, str]:
    """Return the store and the path in it, without a slash at its end.

    Raises:
        SourceRefused: a store of this kind is not read, or not from here.
        SourceUnavailable: its host has no address now.
    """
    protocol = urlsplit(settings.url).scheme
    try:
        options = _options(protocol, settings, credentials, limits)
        store = fsspec.filesystem(protocol, skip_instance_cache=True, use_listings_cache=False, **options)
    except ImportError as exc:
        raise SourceRefused(f"The library for {protocol}:// is not installed. Ask your operator.") from exc
    except (ValueError, TypeError, KeyError) as exc:
        raise SourceRefused(f"These settings or credentials do not fit {protocol}://.") from exc
    except OSError as exc:
        raise SourceUnavailable("The store cannot be reached, or does not answer in time.") from exc
    return store, str(store._strip_protocol(settings.url)).rstrip("/")  # noqa: SLF001  (how fsspec reads addresses)


def _options(
    protocol: str, settings: ObjectStoreSource, credentials: Mapping[str, str], limits: SourceLimits
) -> dict[str, Any]:
    if protocol in _S3:
        return _s3_options(settings, credentials, limits)
    if settings.endpoint_url or settings.region:
        raise SourceRefused("Only S3 stores take an endpoint or a region.")
    if protocol in _GOOGLE:
        return {"token": _google_token(credentials)}
    if protocol in _AZURE:
        return _azure_options(credentials)
    if protocol in _NEAR and limits.allow_private:
        return {**_place(settings.url, limits), **credentials}
    raise SourceRefused(f"Stores at {protocol}:// are not read here.")


def _place(url: str, limits: SourceLimits) -> dict[str, Any]:
    """Return the host and port of a store that is where its address says."""
    named = fsspec.get_filesystem_class(urlsplit(url).scheme)._get_kwargs_from_urls(url)  # noqa: SLF001  (as above)
    if named.get("host"):
        _assert_reachable(url, limits)
    return {name: named[name] for name in ("host", "port") if name in named}


def _s3_options(settings: ObjectStoreSource, credentials: Mapping[str, str], limits: SourceLimits) -> dict[str, Any]:
    if settings.endpoint_url:
        _assert_reachable(settings.endpoint_url, limits)
        if credentials and not settings.endpoint_url.startswith("https:") and not limits.allow_private:
            raise SourceRefused("Credentials are sent over https:// only.")
    has_key = bool(credentials.get("key"))
    return {
        "anon": not has_key,
        **({name: credentials[name] for name in ("key", "secret", "token") if name in credentials} if has_key else {}),
        "endpoint_url": settings.endpoint_url or None,
        "client_kwargs": {"region_name": settings.region} if settings.region else {},
        "config_kwargs": {
            "connect_timeout": limits.request_timeout_s,
            "read_timeout": limits.request_timeout_s,
            "retries": {"mode": "standard", "max_attempts": 2},
            "connector_args": {"socket_factory": _guarded_sockets(limits)},
        },
    }


def _assert_reachable(url: str, limits: SourceLimits) -> None:
    parts = urlsplit(url)
    try:
        checked(parts.hostname or "", parts.port or 443, allow_private=limits.allow_private)
    except (OSError, UnicodeError) as exc:
        raise SourceUnavailable("The store's host has no address now.") from exc


def _guarded_sockets(limits: SourceLimits) -> Any:
    def opened(address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, (host, *_) = address
        # Asked again for each connection: the name may lead elsewhere by now, or the store to another host.
        if not may_connect(host, allow_private=limits.allow_private):
            raise ConnectionRefusedError
        return socket.socket(family, kind, protocol)

    return opened


def _google_token(credentials: Mapping[str, str]) -> Any:
    text = credentials.get("token", "")
    if not text:
        return "anon"
    try:
        account = json.loads(text)
    except ValueError as exc:
        raise SourceRefused("The token has to be the JSON of a service account.") from exc
    # Other kinds of JSON make the library run programs or ask addresses that they name.
    if not isinstance(account, dict) or account.get("type") != "service_account":
        raise SourceRefused("The token has to be the JSON of a service account.")
    return {**account, "token_uri": "https://oauth2.googleapis.com/token"}


def _azure_options(credentials: Mapping[str, str]) -> dict[str, Any]:
    if not credentials.get("account_name", "").isalnum():
        raise SourceRefused("An Azure store needs the account_name among its credentials.")
    has_key = bool(credentials.get("account_key") or credentials.get("sas_token"))
    wanted = ("account_name", "account_key", "sas_token")
    return {**{name: credentials[name] for name in wanted if name in credentials}, "anon": not has_key}


async def close_store(store: fsspec.AbstractFileSystem) -> None:
    """Close the connections of a store that keeps some."""
    creator = getattr(store, "_s3creator", None)
    if creator is not None:
        await asyncio.to_thread(fsspec.asyn.sync, store.loop, creator.__aexit__, None, None, None)
