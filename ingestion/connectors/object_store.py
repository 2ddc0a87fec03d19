"""Objects of an S3-compatible store, or of another one that fsspec reads."""

import asyncio
import errno
import hashlib
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any

import fsspec

from ingestion.connectors.globs import Globs
from ingestion.connectors.keys import key_of, path_of
from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.listing import listed
from ingestion.connectors.port import Connector, Item, ItemGone
from ingestion.connectors.stores import close_store, open_store
from rag_service.domain.sources import ObjectStoreSource
from rag_service.errors import SourceRefused, SourceUnavailable

_SILENT = "The store cannot be reached, or does not answer in time."
_PIECE_BYTES = 2**20
_BLOCK_BYTES = 8 * 2**20
_TAGS = ("ETag", "etag", "md5Hash", "content_md5")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")


@asynccontextmanager
async def open_object_store(
    settings: ObjectStoreSource, credentials: Mapping[str, str], limits: SourceLimits
) -> AsyncIterator[Connector]:
    """Open the store.

    Raises:
        SourceRefused: a store of this kind is not read, or not from here.
        SourceUnavailable: its host has no address now.
    """
    store, root = await asyncio.to_thread(open_store, settings, credentials, limits)
    try:
        yield ObjectStoreConnector(store, root, Globs(include=settings.include, exclude=settings.exclude), limits)
    finally:
        await close_store(store)


class ObjectStoreConnector:
    """Lists what is under a path of a store; a listing reads no object."""

    def __init__(self, store: fsspec.AbstractFileSystem, root: str, globs: Globs, limits: SourceLimits) -> None:
        self._store = store
        self._root = root
        self._globs = globs
        self._limits = limits

    async def items(self, known: Mapping[str, str]) -> AsyncIterator[Item]:
        """Yield every object that is not hidden."""
        most = self._limits.max_items
        too_many = f"The store holds more than {most} objects. Narrow it by patterns."
        async for item in listed(self._walk(), most=most, too_many=too_many):
            yield item

    async def fetch(self, item: Item) -> AsyncIterator[bytes]:
        """Yield the content of an object."""
        file = await asyncio.to_thread(self._opened, item.key)
        with closing(file):
            while piece := await asyncio.to_thread(_read, file):
                yield piece

    def _walk(self) -> Iterator[Item]:
        with _translated():
            listed = _s3_objects(self._store, self._root) if _is_s3(self._store) else _objects(self._store, self._root)
            for info in listed:
                # One slash only: in a bucket a//b and a/b are two objects.
                name = str(info["name"]).removeprefix(self._root).removeprefix("/")
                key = key_of(name.encode("utf-8", "surrogateescape"))
                is_hidden = any(part.startswith(".") for part in name.split("/"))
                if name and not name.endswith("/") and not is_hidden and self._globs.want(key):
                    yield _item(key, info)

    def _opened(self, key: str) -> Any:
        path = path_of(key).decode("utf-8", "surrogateescape")
        if ".." in path.split("/"):
            raise ItemGone
        try:
            with _translated():
                return self._store.open(f"{self._root}/{path}", "rb", block_size=_BLOCK_BYTES)
        except _NotThereError as exc:
            raise ItemGone from exc


class _NotThereError(SourceRefused):
    pass


def _read(file: Any) -> bytes:
    with _translated():
        return bytes(file.read(_PIECE_BYTES))


def _is_s3(store: fsspec.AbstractFileSystem) -> bool:
    return "s3" in store.protocol


def _s3_objects(store: Any, root: str) -> Iterator[Mapping[str, Any]]:
    # Page by page: fsspec would hold all of a large bucket at once.
    bucket, _, folder = root.partition("/")
    wanted = {"Bucket": bucket, "Prefix": f"{folder}/" if folder else ""}
    while True:
        page = store.call_s3("list_objects_v2", **wanted)
        for found in page.get("Contents", []):
            yield {**found, "name": f"{bucket}/{found['Key']}", "size": found["Size"]}
        if not page.get("IsTruncated"):
            return
        wanted["ContinuationToken"] = page["NextContinuationToken"]


def _objects(store: fsspec.AbstractFileSystem, root: str) -> Iterator[Mapping[str, Any]]:
    if not store.isdir(root):
        raise FileNotFoundError
    # An error of one folder would otherwise leave its files out.
    found = store.find(root, detail=True, on_error="raise")
    return (info for _, info in sorted(found.items()))


def _item(key: str, info: Mapping[str, Any]) -> Item:
    size_bytes = info.get("size")
    tag = next((str(info[name]).strip('"') for name in _TAGS if info.get(name)), "")
    changed = next((str(info[name]) for name in _TIMES if info.get(name)), "")
    # A tag with a dash is one of an upload in parts: the same bytes in other parts have another one.
    is_of_content = bool(tag) and "-" not in tag
    return Item(
        key=key,
        filename=key.rsplit("/", 1)[-1],
        revision=tag or (f"{size_bytes}-{changed}" if changed else _fingerprint(info)),
        size_bytes=int(size_bytes) if size_bytes is not None else None,
        content_id=f"tag:{tag}" if is_of_content else None,
    )


def _fingerprint(info: Mapping[str, Any]) -> str:
    return hashlib.sha256(repr(sorted((name, str(value)) for name, value in info.items())).encode()).hexdigest()


@contextmanager
def _translated() -> Iterator[None]:
    # What the libraries say stays out: it can hold addresses, keys and answers of servers.
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as exc:
        raise _NotThereError("The store has no such bucket or folder.") from exc
    except PermissionError as exc:
        raise SourceRefused("The store lets nobody in with these credentials.") from exc
    except OSError as exc:
        if exc.errno == errno.EREMCHG:
            raise SourceRefused("The bucket is in another region. Name it.") from exc
        raise SourceUnavailable(_SILENT) from exc
    except _library_errors() as exc:
        raise SourceUnavailable(_SILENT) from exc


def _library_errors() -> tuple[type[Exception], ...]:
    """Return the errors of libraries that are there: each belongs to one kind of store and may not be installed."""
    names = (
        ("botocore.exceptions", "BotoCoreError"),
        ("aiohttp", "ClientError"),
        ("fsspec.exceptions", "FSTimeoutError"),
        ("gcsfs.retry", "HttpError"),
        ("azure.core.exceptions", "AzureError"),
    )
    return tuple(getattr(sys.modules[module], name) for module, name in names if module in sys.modules)
