"""Wherever an erasure is cut short, doing it again ends where it would have ended, with the same receipt."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ingestion.bootstrap import carry_out_over, worker_over
from rag_service.bootstrap import open_container
from rag_service.domain.access import system_scope
from rag_service.domain.erasures import Erasure
from rag_service.domain.ids import TenantId
from rag_service.errors import LeaseLost
from rag_service.ports.catalog import Transaction
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings
from tests.integration.crashing import CrashError, CrashingBlobs, CrashingCatalog, CrashingIndex, Fuse
from tests.integration.desk import Desk, held
from tests.integration.erasing import ask, document_id, points, rows_with

pytestmark = pytest.mark.slow

ADMIN = replace(system_scope(TenantId("tenant")), sees_all_documents=False)
DOCUMENTS = {"a": "Apples are red.", "b": "Bananas are yellow.", "quince": "Quinces ripen slowly."}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A data folder with an erasure that was asked for, to be carried out any number of times."""

    folder: Path
    index: MemoryIndex
    erasure: Erasure

    @asynccontextmanager
    async def again(self) -> AsyncIterator[Desk]:
        """Open a copy of it."""
        copy = next(path for number in count() if not (path := self.folder.parent / str(number)).exists())
        shutil.copytree(self.folder, copy)
        async with _desk(copy, deepcopy(self.index)) as desk:
            yield desk

    async def end(self, *, at: int = 0) -> tuple[int, dict[str, Any]]:
        """Return how many steps there are, and how it ends when it fails at one and is repeated."""
        async with self.again() as desk:
            fuse = Fuse(at=at)
            if at:
                with pytest.raises(CrashError):
                    await carry_out(desk, self.erasure, fuse)
                fuse = Fuse()
            done = await carry_out(desk, self.erasure, fuse)
            receipt = json.loads(done.receipt or "") | {"finished_at": None}
            parts = desk.worker.container
            blobs = [sha256 async for page in parts.blobs.hashes(ADMIN) for sha256 in page]
            state = {"points": await points(desk), "blobs": blobs, "rows": await rows_with(desk, "uince")}
            return fuse.steps, {"receipt": receipt, **state}


@pytest.fixture(params=["document", "person", "corpus"])
async def asked(request: pytest.FixtureRequest, tmp_path: Path, migrated: Path) -> Asked:
    index = MemoryIndex()
    (tmp_path / "first").mkdir()
    shutil.copy(migrated, tmp_path / "first")
    async with _desk(tmp_path / "first", index) as desk:
        parts = desk.worker.container
        async with parts.catalog.writing() as tx:
            await tx.keys.add_tenant(ADMIN.tenant_id, "Tenant")
        await parts.create_corpus(ADMIN, name=desk.corpus)
        await desk.publish(DOCUMENTS)
        await desk.publish({"quince": "Quinces ripen slowly on a wall."})
        await ask(desk, "Where do quinces ripen?", end_user=parts.act_for.name_of(ADMIN, "ann"))
        erasure = await _request(desk, request.param)
    return Asked(folder=tmp_path / "first", index=index, erasure=erasure)


async def test_a_crash_anywhere_changes_nothing_in_the_end(asked: Asked) -> None:
    steps, wanted = await asked.end()

    ends = [await asked.end(at=at) for at in range(1, steps + 1)]

    assert steps > 5
    assert [at for at, (_, end) in enumerate(ends, start=1) if end != wanted] == []


async def test_whoever_loses_the_job_removes_nothing_any_more(asked: Asked) -> None:
    async def lost(tx: Transaction | None = None) -> None:
        raise LeaseLost

    async with asked.again() as desk:
        before = await points(desk), await rows_with(desk, "uince")
        with pytest.raises(LeaseLost):
            await carry_out(desk, asked.erasure, Fuse(), still_held=lost)

        assert (await points(desk), await rows_with(desk, "uince")) == before


async def carry_out(desk: Desk, erasure: Erasure, fuse: Fuse, *, still_held=held) -> Erasure:
    parts = desk.worker.container
    crashing = replace(
        parts,
        catalog=CrashingCatalog(inner=parts.catalog, fuse=fuse),
        index=CrashingIndex(inner=parts.index, fuse=fuse),
        blobs=CrashingBlobs(inner=parts.blobs, fuse=fuse),
    )

    async def end(tx: Transaction) -> None:
        """There is no job."""

    return await carry_out_over(crashing)(system_scope(ADMIN.tenant_id), erasure.id, still_held=still_held, end=end)


async def _request(desk: Desk, kind: str) -> Erasure:
    request = desk.worker.container.request_erasure
    match kind:
        case "document":
            return await request.document(ADMIN, await document_id(desk, "quince"))
        case "person":
            return await request.person(ADMIN, "ann")
        case _:
            return await request.corpus(ADMIN, desk.corpus)


@asynccontextmanager
async def _desk(folder: Path, index: MemoryIndex) -> AsyncIterator[Desk]:
    settings = Settings(
        data_dir=folder,
        embedding=EmbeddingSettings(backend="hashing", dimensions=16),
        retrieval=RetrievalSettings(backend="memory"),
        jobs=JobSettings(draft_patience_s=0),
    )
    async with open_container(settings) as container:
        # Search was made over the container's own index.
        vars(container.index).update(vars(index))
        async with worker_over(container) as worker:
            yield Desk(worker=worker, admin=ADMIN)
