"""After an erasure no byte of a document is in the data folder, while the service goes on: searched file by file."""

import json
import re
import shutil
import uuid
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingestion.bootstrap import worker_over
from rag_service.bootstrap import open_container
from rag_service.domain.documents import embedded_text
from rag_service.domain.ids import TenantId
from rag_service.domain.versions import Member
from rag_service.settings import EmbeddingSettings, JobSettings, RetrievalSettings, Settings
from tests.index_hosts import RunningHost, running_host
from tests.integration.desk import Desk
from tests.integration.erasing import ask, document_id, erase
from tests.sparse_files import written

NAME = "Ægidius Featherstonehaugh"
WORD = "quincetree"
SECRET = f"{NAME} planted the {WORD} behind his grandmother's cottage. " * 40
REVISED = f"# The {WORD} of {NAME}\n\n{NAME} cut the {WORD} down again.\n"
_ZLIB_STARTS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Every form in which something of the document could lie in a file."""

    needles: tuple[tuple[str, bytes], ...]

    def in_folder(self, folder: Path) -> set[tuple[str, str]]:
        """Return which form was found in which file."""
        found = set()
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                content = written(path)
                found |= {(name, path.name) for name, needle in self.needles if needle in content}
                found |= {("compressed", path.name) for plain in _inflated(content) if NAME.encode() in plain}
        return found


@pytest.fixture
def host() -> Iterator[RunningHost]:
    with running_host() as started:
        yield started


@pytest.fixture
async def desk(host: RunningHost, migrated: Path) -> AsyncIterator[Desk]:
    """A corpus of a hundred documents; the one to be erased has two revisions and was asked about."""
    shutil.copy(migrated, host.data_dir)
    settings = Settings(
        data_dir=host.data_dir,
        embedding=EmbeddingSettings(backend="hashing", dimensions=32),
        retrieval=RetrievalSettings(backend="edge", timeout_s=60),
        jobs=JobSettings(draft_patience_s=0),
    )
    async with open_container(settings) as container, worker_over(container) as worker:
        first = await container.keys.create_first(TenantId("tenant_default"), "default")
        assert first is not None
        desk = Desk(worker=worker, admin=first[0].scope())
        await container.create_corpus(desk.admin, name=desk.corpus)
        await desk.publish(_others("before") | {WORD: SECRET})
        await desk.publish(_others("between"))
        await desk.publish({WORD: REVISED})
        await ask(desk, f"Who planted the {WORD}?")
        yield desk


async def test_no_byte_of_an_erased_document_is_left_in_the_data_folder(desk: Desk, host: RunningHost) -> None:
    traces = await _traces(desk)
    assert {name for name, _ in traces.in_folder(host.data_dir)} == {
        "text",
        "text in JSON",
        "word",
        "compressed",
        "vector",
        "point",
        "chunk",
    }

    await erase(desk, WORD)

    assert traces.in_folder(host.data_dir) == set()
    assert len(await desk.texts()) == 10


async def _traces(desk: Desk) -> Traces:
    parts = desk.worker.container
    erased = await document_id(desk, WORD)
    first = Member(document_id=erased, revision=1)
    async with parts.catalog.reading() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
        [chunk, *_] = (await tx.chunks.of_members(desk.admin, corpus.fingerprint, [first]))[first]
    states = parts.index.states(corpus.fingerprint, corpus_id=corpus.id)
    [state] = [state async for page in states for state in page if state.chunk_id == chunk.id]
    await ask(desk, f"Who cut down the {WORD}?", at=str(state.born))
    [vector] = await parts.embedder.embed_passages([embedded_text(chunk.headings, chunk.text)])
    number, named = uuid.UUID(state.id), uuid.UUID(chunk.id)
    return Traces(
        needles=(
            ("text", NAME.encode()),
            ("text", NAME.encode("utf-16-le")),
            ("text in JSON", json.dumps(NAME)[1:-1].encode()),
            ("word", WORD.encode()),
            ("word", WORD.encode("utf-16-le")),
            ("vector", vector.tobytes()),
            *(("point", form) for form in (number.bytes, number.bytes[::-1], number.bytes_le, str(number).encode())),
            *(("chunk", form) for form in (named.bytes, named.bytes[::-1], chunk.id.encode())),
        )
    )


def _others(name: str) -> dict[str, str]:
    return {
        f"{name}-{number}": f"Note {number} {name}: the harbour is {number} miles away, and {number * 7} boats lie there."
        for number in range(60)
    }


def _inflated(content: bytes) -> Iterator[bytes]:
    for start in (match.start() for mark in _ZLIB_STARTS for match in re.finditer(re.escape(mark), content)):
        try:
            yield zlib.decompressobj().decompress(content[start : start + 2**20])
        except zlib.error:
            continue
