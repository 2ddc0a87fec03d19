"""A data folder at the moment the power goes: two versions published, a third being sealed, and what was acknowledged when."""

import asyncio
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ingestion.bootstrap import worker_over
from rag_service.bootstrap import open_container
from rag_service.domain.access import AccessScope, system_scope
from rag_service.domain.drafts import SealPurpose
from rag_service.domain.ids import TenantId
from rag_service.errors import LeaseLost, NotFound
from rag_service.ports.catalog import Transaction
from rag_service.retrieval.bootstrap import OpenedIndex
from rag_service.retrieval.edge_folder import copy_shard
from rag_service.retrieval.qdrant_edge import EdgeIndex
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings
from tests.integration.desk import Desk

SCOPE: AccessScope = system_scope(TenantId("tenant"))
FIRST = {"a": "Apples are red.", "b": "Bananas are yellow.", "c": "Cherries are dark."}
SECOND = {"a": "Apples are green.", "d": "Dates are sweet."}
THIRD = {"b": "Bananas are brown.", "e": "Elderberries are black."}
TEXTS = {
    0: frozenset[str](),
    1: frozenset(FIRST.values()),
    2: frozenset({*(FIRST | SECOND).values()}),
    3: frozenset({*(FIRST | SECOND | THIRD).values()}),
}
DATABASE = "catalog.db"
_WAL = f"{DATABASE}-wal"
_ALL = 2**62


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """What the service had said by the time its log had so many bytes."""

    log_bytes: int
    published: int
    uploads: int


@dataclass(kw_only=True)
class Snapshot:
    """The folder, and the acknowledgements in the order in which they were given."""

    folder: Path
    acknowledged: list[Acknowledged] = field(default_factory=list)

    @property
    def log(self) -> bytes:
        """The log of the catalog."""
        return (self.folder / _WAL).read_bytes()

    def promised(self, log_bytes: int) -> Acknowledged:
        """Return the last acknowledgement that came before the log had grown further."""
        given = [one for one in self.acknowledged if one.log_bytes <= log_bytes]
        return given[-1] if given else Acknowledged(log_bytes=0, published=0, uploads=0)

    def copied(self, target: Path, *, log: bytes | None = None) -> Path:
        """Copy everything to a new folder, with another log of the catalog if one is given."""
        shutil.rmtree(target, ignore_errors=True)
        # Most files of the index are holes.
        subprocess.run(["/bin/cp", "-r", "--sparse=always", self.folder, target], check=True)  # noqa: S603
        return target if log is None else self.catalog_copied(target, log=log)

    def catalog_copied(self, target: Path, *, log: bytes) -> Path:
        """Copy the catalog alone, with another log."""
        target.mkdir(exist_ok=True)
        (target / f"{DATABASE}-shm").unlink(missing_ok=True)
        (target / _WAL).write_bytes(log)
        shutil.copyfile(self.folder / DATABASE, target / DATABASE)
        return target


def settings_in(folder: Path) -> Settings:
    """Return settings under which everything runs in this process."""
    return Settings(
        data_dir=folder,
        embedding=EmbeddingSettings(backend="hashing", dimensions=16),
        retrieval=RetrievalSettings(backend="memory", exact=True),
        jobs=JobSettings(draft_patience_s=0),
    )


@asynccontextmanager
async def desk_over(folder: Path, index: EdgeIndex) -> AsyncIterator[Desk]:
    """Open the service over a folder, with an index that is open already."""
    opened = open_container(settings_in(folder), open_index=lambda *_: OpenedIndex(index=index))
    async with opened as container, worker_over(container) as worker:
        yield Desk(worker=worker, admin=SCOPE)


def open_index(folder: Path) -> EdgeIndex:
    """Open the index of a data folder."""
    return EdgeIndex(folder / "index", exact_below=_ALL)


def let_leases_run_out(folder: Path) -> None:
    """Let the power have been off for longer than a job is lent: nobody holds one any more."""
    with closing(sqlite3.connect(folder / DATABASE, timeout=30)) as catalog, catalog:
        catalog.execute("UPDATE jobs SET lease_until = created_at WHERE lease_until IS NOT NULL")


async def published(desk: Desk) -> int:
    """Return the published version, 0 when there is none."""
    async with desk.worker.container.catalog.reading() as tx:
        try:
            return (await tx.corpora.get(SCOPE, desk.corpus)).published
        except NotFound:
            return 0


def take_snapshot(folder: Path) -> Snapshot:
    """Live until the moment before the third version would become visible, and cut the power there."""
    return asyncio.run(_live(folder / "alive", folder / "snapshot"))


async def _live(folder: Path, target: Path) -> Snapshot:
    # A clean start and stop, so that the log begins with what the tests are about.
    async with open_container(settings_in(folder)):
        pass
    snapshot, index = Snapshot(folder=target), open_index(folder)
    async with desk_over(folder, index) as desk:
        async with desk.worker.container.catalog.writing() as tx:
            await tx.keys.add_tenant(SCOPE.tenant_id, "Tenant")
        await desk.worker.container.create_corpus(SCOPE, name=desk.corpus)
        for documents in (FIRST, SECOND):
            await _upload(desk, documents, snapshot, folder)
            await desk.work_off()
            await _note(desk, snapshot, folder, uploads=0)
        draft = await desk.hold("spring", uploads=THIRD)
        with pytest.raises(LeaseLost):
            await desk.seal(draft, SealPurpose.PUBLISH, still_held=_PowerCut())
        index.close()
        copy_shard(folder, target)
    return snapshot


async def _upload(desk: Desk, documents: Mapping[str, str], snapshot: Snapshot, folder: Path) -> None:
    for key, text in documents.items():
        await desk.upload(key, text)
        await _note(desk, snapshot, folder, uploads=1)


async def _note(desk: Desk, snapshot: Snapshot, folder: Path, *, uploads: int) -> None:
    before = snapshot.acknowledged[-1] if snapshot.acknowledged else Acknowledged(log_bytes=0, published=0, uploads=0)
    size = (folder / _WAL).stat().st_size
    # Else the log was begun anew, and its length says nothing any more.
    assert size > before.log_bytes or not uploads
    now = replace(before, log_bytes=size, published=await published(desk), uploads=before.uploads + uploads)
    snapshot.acknowledged.append(now)


class _PowerCut:
    """Lets the points of a version be written and stops before the rows that make them visible."""

    def __init__(self) -> None:
        self._transactions = 0

    async def __call__(self, tx: Transaction | None = None) -> None:
        self._transactions += tx is not None
        if self._transactions > 1:
            raise LeaseLost("The power is gone.")
