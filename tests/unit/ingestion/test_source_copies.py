"""What connectors keep between runs goes when something of the corpus was erased, also during the run."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingestion.sources.copies import SourceCopies
from ingestion.sources.opening import OpenSources
from rag_service.domain.ids import CorpusId, SourceId, TenantId
from rag_service.domain.sources import FolderSource
from rag_service.domain.sync import Publishing, Source
from rag_service.errors import CatalogUnavailable
from rag_service.settings import SourceSettings
from rag_service.signing.service_keys import ServiceKeys

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def source_in(folder: Path) -> Source:
    return Source(
        id=SourceId("src_1"),
        tenant_id=TenantId("t"),
        corpus_id=CorpusId("corpus_1"),
        name="notes",
        settings=FolderSource(path=str(folder)),
        credentials=None,
        credential_names=frozenset(),
        every_s=None,
        publish=Publishing.AUTOMATIC,
        created_at=NOW,
        updated_at=NOW,
        last_run_at=None,
    )


def opens_in(folder: Path) -> tuple[OpenSources, Path]:
    copies = SourceCopies(folder / "copies")
    settings = SourceSettings(folder_roots=(folder,))
    opens = OpenSources(cipher=ServiceKeys(b"s" * 32), copies=copies, settings=settings, max_item_bytes=10)
    return opens, copies.folder(CorpusId("corpus_1"), SourceId("src_1"))


@pytest.mark.parametrize("keeps", [True, False])
async def test_whether_copies_stay_is_asked_at_the_end_of_a_run(tmp_path: Path, keeps: bool) -> None:
    opens, kept = opens_in(tmp_path)
    erased: list[str] = []

    async def keep_copies() -> bool:
        return not erased

    async with opens(source_in(tmp_path), keep_copies=keep_copies):
        kept.mkdir(parents=True)
        erased += [] if keeps else ["quince"]

    assert kept.exists() is keeps


async def test_copies_go_when_nobody_can_tell_whether_they_may_stay(tmp_path: Path) -> None:
    opens, kept = opens_in(tmp_path)

    async def keep_copies() -> bool:
        raise CatalogUnavailable("It is down.")

    async with opens(source_in(tmp_path), keep_copies=keep_copies):
        kept.mkdir(parents=True)

    assert not kept.exists()
