"""A backup does not bring back what was erased since."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from ingestion.bootstrap import worker_over
from rag_service.app import create_app
from rag_service.blobs.erasure_log import ErasureLogFile
from rag_service.bootstrap import Container, open_container
from rag_service.domain.access import system_scope
from rag_service.domain.erasures import Erasure, ErasureKind, TombstoneKind
from rag_service.domain.ids import ErasureId, TenantId
from rag_service.errors import DependencyUnavailable
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings
from tests.integration.desk import Desk
from tests.integration.erasing import ask, erase, finished, rows_with

LOG = "erasures.jsonl"
PAIR = ((1, "one"), (2, "two"))
ADMIN = system_scope(TenantId("tenant_default"))
START = datetime(2026, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def opened(folder: Path, points: MemoryIndex | None = None) -> AsyncIterator[Container]:
    settings = Settings(
        data_dir=folder,
        embedding=EmbeddingSettings(backend="hashing", dimensions=16),
        retrieval=RetrievalSettings(backend="memory"),
        jobs=JobSettings(draft_patience_s=0),
        sample_corpus=False,
    )
    async with open_container(settings) as container:
        if points is not None:
            vars(container.index).update(deepcopy(vars(points)))
        yield container


@pytest.fixture
async def restored(tmp_path: Path, migrated: Path) -> tuple[Path, MemoryIndex]:
    """A data folder whose catalog and index are from before an erasure, and its log from after it."""
    now, before, points = tmp_path / "now", tmp_path / "before", MemoryIndex()
    now.mkdir()
    shutil.copy(migrated, now)
    async with opened(now) as container, worker_over(container) as worker:
        first = await container.keys.create_first(TenantId("tenant_default"), "default")
        assert first is not None
        (now / "admin.key").write_text(first[1])
        desk = Desk(worker=worker, admin=first[0].scope())
        await container.create_corpus(desk.admin, name=desk.corpus)
        await desk.publish({"a": "Apples are red.", "quince": "Quinces ripen slowly."})
        await ask(desk, "Where do quinces ripen?")
        await container.catalog_files.compact()
        shutil.copytree(now, before)
        vars(points).update(deepcopy(vars(container.index)))
        await erase(desk, "quince")
    shutil.copy(now / LOG, before / LOG)
    return before, points


async def test_the_first_answer_after_a_restore_knows_nothing_of_it(restored: tuple[Path, MemoryIndex]) -> None:
    folder, points = restored
    key = (folder / "admin.key").read_text()
    app = create_app(Settings(data_dir=folder), open_parts=lambda _: opened(folder, points))

    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        headers = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://rag.test", headers=headers) as client:
            body = {"query": "Where do quinces ripen slowly?"}
            found = await client.post("/v1/vector_stores/fruit/search", json=body)

    assert [each["content"][0]["text"] for each in found.json()["data"]] == ["Apples are red."]


async def test_the_worker_erases_it_again(restored: tuple[Path, MemoryIndex]) -> None:
    folder, points = restored
    async with opened(folder, points) as container, worker_over(container) as worker:
        secret = (folder / "admin.key").read_text()
        desk = Desk(worker=worker, admin=(await container.keys.authenticate(secret)))
        assert await rows_with(desk, "uince") != []

        assert await container.replay_erasures() == 1
        [again] = await ErasureLogFile(folder / LOG).entries()
        done = await finished(desk, again)

        assert await rows_with(desk, "uince") == []
        assert json.loads(done.receipt or "")["removed"]["answers"] == 1
        assert await container.replay_erasures() == 0


async def test_what_the_backup_does_not_have_leaves_a_tombstone(restored: tuple[Path, MemoryIndex]) -> None:
    folder, points = restored
    [asked] = await ErasureLogFile(folder / LOG).entries()
    (folder / LOG).unlink()
    unknown = {"document_id": "doc_unknown", "corpus_id": asked.subject["corpus_id"]}
    await ErasureLogFile(folder / LOG).append(_erasure("other", unknown))

    async with opened(folder, points) as container, worker_over(container) as worker:
        desk = Desk(worker=worker, admin=await container.keys.authenticate((folder / "admin.key").read_text()))
        assert await container.replay_erasures() == 1
        done = await finished(desk, _erasure("other", unknown))

    assert json.loads(done.receipt or "")["removed"].get("documents", 0) == 0


async def test_of_two_requests_about_a_person_both_are_replayed(migrated_dir: Path) -> None:
    asked = [replace(_erasure(name, {"end_user": "a"}), created_at=START + timedelta(days=day)) for day, name in PAIR]
    async with opened(migrated_dir) as container:
        await container.keys.create_first(TenantId("tenant_default"), "default")
        for erasure in asked:
            await ErasureLogFile(migrated_dir / LOG).append(erasure)

        await container.replay_erasures()

        async with container.catalog.reading() as tx:
            stone = await tx.erasures.tombstone(ADMIN, TombstoneKind.PERSON, "a")
            known = await tx.erasures.known([erasure.id for erasure in asked])
    assert stone is not None and stone.erased_at == asked[1].created_at
    assert len(known) == 2


async def test_a_line_cut_short_by_a_power_cut_harms_no_other(tmp_path: Path) -> None:
    log = ErasureLogFile(tmp_path / LOG)
    first, second = _erasure("one", {"end_user": "a"}), _erasure("two", {"end_user": "b"})
    await log.append(first)
    with (tmp_path / LOG).open("a") as file:
        file.write('{"id": "erasure_th')

    await log.append(second)
    await log.append(first)

    assert list(await log.entries()) == [first, second]


async def test_without_a_log_nothing_was_erased(tmp_path: Path) -> None:
    assert list(await ErasureLogFile(tmp_path / LOG).entries()) == []


async def test_a_log_that_cannot_be_written_refuses_the_request(tmp_path: Path) -> None:
    (tmp_path / LOG).mkdir()

    with pytest.raises(DependencyUnavailable):
        await ErasureLogFile(tmp_path / LOG).append(_erasure("one", {}))


def _erasure(name: str, subject: dict[str, str]) -> Erasure:
    kind = ErasureKind.DOCUMENT if "document_id" in subject else ErasureKind.PERSON
    return Erasure(
        id=ErasureId(f"erasure_{name}"),
        tenant_id=TenantId("tenant_default"),
        kind=kind,
        subject=subject,
        requested_by=None,
        created_at=START,
    )
