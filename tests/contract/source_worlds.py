"""Real sources that a test can change: one for each way that a connector reads."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIServer, make_server

import fsspec
from dulwich import porcelain
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import WSGIRequestHandlerLogger, make_wsgi_chain

from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.opening import open_connector
from ingestion.connectors.port import Connector, Item
from rag_service.domain.sources import FolderSource, GitSource, ObjectStoreSource, SourceSettings, WebsiteSource
from tests.served_site import ServedSite, links, served_site


@dataclass
class World:
    """A source with its content by name. `breaks` makes it fail from now on; `sets` puts a content, None removes it."""

    settings: SourceSettings
    limits: SourceLimits
    sets: Callable[[str, bytes | None], None]
    breaks: Callable[[], None]
    credentials: dict[str, str]
    prefix: str = ""
    knows_renames: bool = True

    def open(self) -> AbstractAsyncContextManager[Connector]:
        return open_connector(self.settings, self.credentials, self.limits)

    async def items(self, known: dict[str, str] | None = None) -> dict[str, Item]:
        """Return the items by name, as one run sees them."""
        async with self.open() as connector:
            return self.named([item async for item in connector.items(known or {})])

    def named(self, listed: list[Item]) -> dict[str, Item]:
        assert len({item.key for item in listed}) == len(listed)
        found = {item.key.removeprefix(self.prefix): item for item in listed}
        return {name: item for name, item in found.items() if name != "index.html"}

    def rename(self, old: str, new: str, content: bytes) -> None:
        self.sets(old, None)
        self.sets(new, content)


def limits_in(folder: Path) -> SourceLimits:
    return SourceLimits(
        cache_dir=folder / "cache", allowed_roots=(folder,), allow_private=True, request_timeout_s=30, max_items=1000
    )


@contextmanager
def folder_world(folder: Path) -> Iterator[World]:
    root = folder / "papers"
    root.mkdir()

    def breaks() -> None:
        root.rename(folder / "elsewhere")

    world = FolderWorld(FolderSource(path=str(root)), limits_in(folder), _sets_files(root), breaks, {})
    world.root = root
    yield world


class FolderWorld(World):
    root: Path

    def rename(self, old: str, new: str, content: bytes) -> None:
        (self.root / new).parent.mkdir(exist_ok=True)
        (self.root / old).rename(self.root / new)


def _sets_files(root: Path) -> Callable[[str, bytes | None], None]:
    def sets(name: str, content: bytes | None) -> None:
        path = root / name
        if content is None:
            path.unlink()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return sets


@contextmanager
def git_file_world(folder: Path) -> Iterator[World]:
    root = folder / "repository"
    repo = _made_repository(root)
    yield World(
        GitSource(url=f"file://{root}"),
        limits_in(folder),
        _sets_blobs(root),
        lambda: root.rename(folder / "elsewhere"),
        {},
    )
    repo.close()


@contextmanager
def git_http_world(folder: Path) -> Iterator[World]:
    root = folder / "repository"
    repo = _made_repository(root)
    with git_server(repo) as (url, stop):
        yield World(GitSource(url=url), limits_in(folder), _sets_blobs(root), stop, {})
    repo.close()


@contextmanager
def git_server(repo: Repo) -> Iterator[tuple[str, Callable[[], None]]]:
    """Serve a repository over HTTP; yields its address and what ends it early."""
    app = make_wsgi_chain(DictBackend({"/papers.git": repo}))
    server = make_server("127.0.0.1", 0, app, WSGIServer, WSGIRequestHandlerLogger)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    yield f"http://127.0.0.1:{server.server_port}/papers.git", stop
    stop()
    thread.join()


def _made_repository(root: Path) -> Repo:
    root.mkdir()
    repo = porcelain.init(str(root))
    commit(root, "begin")
    return repo


def commit(root: Path, message: str) -> None:
    porcelain.commit(str(root), message=message.encode(), author=b"A <a@example.org>", committer=b"A <a@example.org>")


def _sets_blobs(root: Path) -> Callable[[str, bytes | None], None]:
    write = _sets_files(root)

    def sets(name: str, content: bytes | None) -> None:
        if content is None:
            porcelain.remove(str(root), [str(root / name)])
        else:
            write(name, content)
            porcelain.add(str(root), [str(root / name)])
        commit(root, f"set {name}")

    return sets


@contextmanager
def website_world(folder: Path) -> Iterator[World]:
    with served_site() as site:
        names: set[str] = set()

        def sets(name: str, content: bytes | None) -> None:
            names.symmetric_difference_update({name} if (content is None) == (name in names) else ())
            if content is None:
                del site.pages[f"/{name}"]
            else:
                site.put(f"/{name}", content, etag=f'"{hash(content)}"' if name.startswith("a") else "")
            site.put("/index.html", links(*sorted(names)))

        site.put("/index.html", links())
        settings = WebsiteSource(url=f"{site.url}/index.html", delay_s=0)
        yield World(settings, limits_in(folder), sets, lambda: _refuse_all(site), {}, prefix=f"{site.url}/")


def _refuse_all(site: ServedSite) -> None:
    site.put("/robots.txt", status=503)


@contextmanager
def memory_world(folder: Path) -> Iterator[World]:
    store: Any = fsspec.filesystem("memory")
    bucket = uuid.uuid4().hex
    store.mkdir(f"/{bucket}")
    settings = ObjectStoreSource(url=f"memory://{bucket}")
    yield World(
        settings,
        limits_in(folder),
        _sets_objects(store, f"/{bucket}"),
        lambda: store.rm(f"/{bucket}", recursive=True),
        {},
        knows_renames=False,
    )


@contextmanager
def s3_world(folder: Path, endpoint: str) -> Iterator[World]:
    keys = {"key": "testing", "secret": "testing-secret"}
    store: Any = fsspec.filesystem("s3", **keys, endpoint_url=endpoint, use_listings_cache=False)
    bucket = uuid.uuid4().hex
    store.mkdir(bucket)
    settings = ObjectStoreSource(url=f"s3://{bucket}/papers", endpoint_url=endpoint, region="us-east-1")
    sets = _sets_objects(store, f"{bucket}/papers")

    def breaks() -> None:
        store.rm(bucket, recursive=True)

    yield World(settings, limits_in(folder), sets, breaks, keys)


def _sets_objects(store: Any, root: str) -> Callable[[str, bytes | None], None]:
    def sets(name: str, content: bytes | None) -> None:
        if content is None:
            store.rm(f"{root}/{name}")
        else:
            store.pipe_file(f"{root}/{name}", content)

    return sets
