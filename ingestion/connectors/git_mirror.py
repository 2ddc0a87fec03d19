"""A bare copy of the newest commit of one branch: no history, no checkout, no submodules, no hooks."""

import fcntl
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import httpcore
from dulwich.errors import (
    ApplyDeltaError,
    ChecksumMismatch,
    FileFormatException,
    GitProtocolError,
    HangupException,
    NotGitRepository,
    ObjectFormatException,
)
from dulwich.objects import ObjectID
from dulwich.refs import Ref
from dulwich.repo import Repo

from ingestion.connectors.git_http import GuardedGitClient
from ingestion.connectors.git_pack import check_pack
from rag_service.errors import SourceRefused, SourceUnavailable

_MOST_PACKS = 30  # each fetch adds one; what no commit needs any more goes when the copy is made anew

NETWORK_FAILURES = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)
BROKEN = (
    ApplyDeltaError, ChecksumMismatch, FileFormatException, GitProtocolError, HangupException, NotGitRepository,
    ObjectFormatException, AssertionError, KeyError, ValueError, OSError, struct.error, zlib.error,
)  # fmt: skip
"""What dulwich raises over a server or a copy that does not keep the format."""


class Mirror:
    """The copy in `folder`, which may be thrown away at any time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "mirror.git"
        self._lock = folder / "mirror.lock"

    def updated(self, client: GuardedGitClient, branch: str) -> tuple[Repo, ObjectID]:
        """Return the copy and its commit: nothing is fetched while the branch is where it was.

        Raises:
            SourceRefused: there is no such branch.
            SourceUnavailable: the server breaks off.
        """
        ref = Ref(b"refs/heads/" + branch.encode()) if branch else Ref(b"HEAD")
        head = _head(client, ref, branch)
        with self._locked():
            repo = self._opened()
            if repo is None or repo.refs.as_dict().get(_kept_by(client)) != head:
                with translated():
                    repo = self._fetched(repo, client, ref, head)
            return repo, head

    def existing(self) -> Repo | None:
        """Return the copy as it is, without asking the server."""
        return self._opened()

    def forget(self) -> None:
        """Throw the copy away."""
        with self._locked():
            shutil.rmtree(self._path, ignore_errors=True)

    def _fetched(self, repo: Repo | None, client: GuardedGitClient, ref: Ref, head: ObjectID) -> Repo:
        if repo is not None and _is_extensible(repo, client):
            # A branch that was written anew may not fit on what is here.
            with suppress(*BROKEN):
                return _pulled(repo, client, ref, head)
        if repo is not None:
            repo.close()
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return _pulled(Repo.init_bare(str(self._path), mkdir=True), client, ref, head)

    def _opened(self) -> Repo | None:
        try:
            return Repo(str(self._path))
        except BROKEN:
            return None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _kept_by(client: GuardedGitClient) -> Ref:
    # Under another limit other files were left out.
    return Ref(b"refs/heads/kept-%d" % client.max_blob_bytes)


def _is_extensible(repo: Repo, client: GuardedGitClient) -> bool:
    return _kept_by(client) in repo.refs and len(list(repo.object_store.packs)) < _MOST_PACKS


def _head(client: GuardedGitClient, ref: Ref, branch: str) -> ObjectID:
    with translated():
        head = client.get_refs(b"", ref_prefix=[ref]).refs.get(ref)
    if head is None:
        raise SourceRefused(f"The repository has no branch {branch}." if branch else "The repository has no commits.")
    return head


def _pulled(repo: Repo, client: GuardedGitClient, ref: Ref, head: ObjectID) -> Repo:
    try:
        with tempfile.TemporaryFile(dir=repo.controldir()) as pack:
            _receive(repo, client, ref, head, pack)
        # Raises KeyError when the server did not send what it had promised.
        repo.refs[_kept_by(client)] = repo.object_store[head].id
    except BaseException:
        repo.close()
        raise
    return repo


def _receive(repo: Repo, client: GuardedGitClient, ref: Ref, head: ObjectID, pack: BinaryIO) -> None:
    def wanted(refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:  # noqa: ARG001  (a callback)
        return [head]

    result = client.fetch_pack(
        b"",
        wanted,
        repo.get_graph_walker(),
        pack.write,
        depth=1,
        ref_prefix=[ref],
        # Servers that know this leave larger files out, and the rest of the repository can be read.
        filter_spec=b"blob:limit=%d" % client.max_blob_bytes,
    )
    if result.object_format not in {None, "sha1"}:
        raise SourceRefused("Repositories that are named by SHA-256 cannot be read yet.")
    if pack.tell():
        pack.seek(0)
        check_pack(pack, max_object_bytes=client.max_blob_bytes, max_total_bytes=client.max_unpacked_bytes)
        pack.seek(0)
        repo.object_store.add_thin_pack(pack.read, None)
    repo.update_shallow(result.new_shallow, result.new_unshallow)


@contextmanager
def translated() -> Iterator[None]:
    """Raise what a server does to us as errors of the source; their messages stay out, they can hold addresses."""
    try:
        yield
    except NETWORK_FAILURES as exc:
        raise SourceUnavailable("The repository's server cannot be reached, or does not answer in time.") from exc
    except BROKEN as exc:
        raise SourceUnavailable("The repository's server broke off, or sent what is not git.") from exc
