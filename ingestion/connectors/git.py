"""One branch of a git repository, by its address; a repository on this machine only below an allowed root."""

import asyncio
import logging
import stat
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol
from urllib.parse import unquote, urlsplit

from dulwich.objects import Blob, Commit, ObjectID, Tree, TreeEntry
from dulwich.repo import Repo

from ingestion.connectors.git_http import GuardedGitClient
from ingestion.connectors.git_local import LocalRepository
from ingestion.connectors.git_mirror import BROKEN, Mirror
from ingestion.connectors.globs import Globs
from ingestion.connectors.keys import key_of
from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.listing import listed
from ingestion.connectors.port import Connector, Item, ItemGone
from rag_service.domain.sources import GitSource
from rag_service.errors import SourceRefused, SourceUnavailable

# It warns of every server that cannot leave out large files, and names addresses.
logging.getLogger("dulwich").setLevel(logging.ERROR)

_PIECE_BYTES = 2**20
_ENTRIES_PER_ITEM = 10


class Repository(Protocol):
    """Where the objects of a branch are."""

    def newest(self) -> tuple[Repo, ObjectID]:
        """Return the objects and the newest commit, after looking where the branch is now."""

    def present(self) -> Repo | None:
        """Return the objects that are on this machine already."""

    def forget(self) -> None:
        """Throw away what is on this machine, if it is a copy."""

    def close(self) -> None:
        """Close connections."""


class RemoteRepository:
    """A repository behind an address, by its copy."""

    def __init__(self, settings: GitSource, credentials: Mapping[str, str], limits: SourceLimits) -> None:
        self._branch = settings.branch
        self._mirror = Mirror(limits.cache_dir)
        self._client = GuardedGitClient(settings.url, credentials, limits)

    def newest(self) -> tuple[Repo, ObjectID]:
        """Return the copy, brought to the head of the branch."""
        return self._mirror.updated(self._client, self._branch)

    def present(self) -> Repo | None:
        """Return the copy as it is."""
        return self._mirror.existing()

    def forget(self) -> None:
        """Throw away the copy."""
        self._mirror.forget()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


@asynccontextmanager
async def open_git(
    settings: GitSource, credentials: Mapping[str, str], limits: SourceLimits
) -> AsyncIterator[Connector]:
    """Open the repository; the server is asked when it is listed.

    Raises:
        SourceRefused: credentials would go over an open connection.
    """
    address = urlsplit(settings.url)
    if address.scheme == "http" and credentials and not limits.allow_private:
        raise SourceRefused("Credentials are sent over https:// only.")
    repository: Repository
    if address.scheme == "file":
        repository = LocalRepository(unquote(address.path), settings.branch, limits)
    else:
        repository = RemoteRepository(settings, credentials, limits)
    try:
        yield GitConnector(repository, settings, limits)
    finally:
        repository.close()


class GitConnector:
    """Blobs of one commit. Their names are hashes of their content: revision and content id at once."""

    def __init__(self, repository: Repository, settings: GitSource, limits: SourceLimits) -> None:
        self._repository = repository
        self._path = [name.encode() for name in settings.path.split("/") if name]
        self._globs = Globs(include=settings.include, exclude=settings.exclude)
        self._limits = limits

    async def items(self, known: Mapping[str, str]) -> AsyncIterator[Item]:
        """Yield every file below the path that is not hidden, a link or of a submodule."""
        repo, head = await asyncio.to_thread(self._repository.newest)
        try:
            most = self._limits.max_items
            too_many = f"The repository holds more than {most} files. Narrow it by path or patterns."
            async for item in listed(self._walk(repo, head), most=most, too_many=too_many):
                yield item
        finally:
            repo.close()

    async def fetch(self, item: Item) -> AsyncIterator[bytes]:
        """Yield a blob as it was listed, whatever the branch holds by now."""
        content = await asyncio.to_thread(self._blob, ObjectID(item.revision.encode("ascii", "replace")))
        for start in range(0, len(content), _PIECE_BYTES):
            yield content[start : start + _PIECE_BYTES]

    def _walk(self, repo: Repo, head: ObjectID) -> Iterator[Item]:
        seen: set[str] = set()
        waiting = [(b"".join(name + b"/" for name in self._path), self._top(repo, head))]
        left = _ENTRIES_PER_ITEM * self._limits.max_items
        while waiting:
            folder, tree = waiting.pop()
            for entry in self._entries(repo, tree):
                # A tree may hold itself many times over: a small repository without end.
                left -= 1
                if left < 0:
                    raise SourceRefused("The repository has too many files and folders. Narrow it by its path.")
                path = folder + entry.path
                if stat.S_ISDIR(entry.mode):
                    waiting.append((path + b"/", entry.sha))
                elif stat.S_ISREG(entry.mode) and self._globs.want(key := key_of(path)) and key not in seen:
                    seen.add(key)
                    yield self._item(repo, key, entry.sha)

    def _item(self, repo: Repo, key: str, sha: ObjectID) -> Item:
        with self._reading():
            is_left_out = sha not in repo.object_store
        name = sha.decode("ascii")
        return Item(
            key=key,
            filename=key.rsplit("/", 1)[-1],
            revision=name,
            # The server was asked to leave out what is too large.
            size_bytes=self._limits.max_item_bytes + 1 if is_left_out else None,
            content_id=f"git:{name}",
        )

    def _top(self, repo: Repo, head: ObjectID) -> ObjectID:
        with self._reading():
            commit = repo.object_store[head]
            if not isinstance(commit, Commit):
                raise SourceRefused("The branch does not lead to a commit.")
            tree = ObjectID(commit.tree)
        for name in self._path:
            inner = {
                entry.path: entry.sha for entry in self._entries(repo, tree, hidden=True) if stat.S_ISDIR(entry.mode)
            }
            if name not in inner:
                raise SourceRefused(f"The repository has no folder {b'/'.join(self._path).decode()}.")
            tree = inner[name]
        return tree

    def _blob(self, sha: ObjectID) -> bytes:
        for find in (self._repository.present, lambda: self._repository.newest()[0]):
            repo = find()
            if repo is None:
                continue
            with repo, self._reading():
                if sha in repo.object_store:
                    blob = repo.object_store[sha]
                    return blob.data if isinstance(blob, Blob) else b""
        raise ItemGone

    def _entries(self, repo: Repo, sha: ObjectID, *, hidden: bool = False) -> list[TreeEntry]:
        with self._reading():
            tree = repo.object_store[sha]
            if not isinstance(tree, Tree):
                raise SourceRefused("The repository is damaged.")
            return [entry for entry in tree.iteritems() if hidden or not entry.path.startswith(b".")]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except BROKEN as exc:
            self._repository.forget()
            raise SourceUnavailable("The repository, or our copy of it, is damaged.") from exc
