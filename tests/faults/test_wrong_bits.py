"""Bits turn over on the disk. What cannot be read as it was written is an error that says so, and never another text."""

import random
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rag_service.domain.documents import RevisionState
from rag_service.domain.jobs import JobState
from rag_service.domain.pages import MAX_LIMIT, PageRequest
from rag_service.errors import DataDamaged, RagError
from rag_service.reasons import ReasonCode
from rag_service.retrieval.qdrant_edge import EdgeIndex
from tests.faults.power_cut import DATABASE, FIRST, SCOPE, TEXTS, Snapshot, desk_over, open_index, take_snapshot
from tests.integration.desk import Desk

pytestmark = pytest.mark.slow

FLIPS = 100
_AROUND_TEXTS = 200
EVERYTHING = TEXTS[1] | TEXTS[2] | TEXTS[3]


@pytest.fixture(scope="module", autouse=True)
def hasty_commits() -> None:
    """Each commit reaches the disk, as it does where nobody tests."""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    made = take_snapshot(tmp_path_factory.mktemp("bits"))
    # Everything is in the main file: opening and closing brings it there.
    with closing(sqlite3.connect(made.folder / DATABASE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return made


@pytest.fixture
async def index(snapshot: Snapshot, tmp_path: Path) -> AsyncIterator[EdgeIndex]:
    opened = open_index(snapshot.copied(tmp_path / "index"))
    yield opened
    opened.close()


def places(content: bytes, *, near_texts: bool) -> Iterator[int]:
    """Yield places anywhere in the file, or in the rows that hold texts."""
    drawn = random.Random(5)  # noqa: S311  (not for secrets)
    texts = [content.index(text.encode()) for text in FIRST.values()]
    for _ in range(FLIPS):
        near = drawn.choice(texts) + drawn.randrange(-_AROUND_TEXTS, _AROUND_TEXTS)
        yield near if near_texts else drawn.randrange(len(content))


async def shown(desk: Desk) -> set[str]:
    """Return every text that people can get to see: passages, and revisions as their sources."""
    found = await desk.texts()
    parts = desk.worker.container
    async with parts.catalog.reading() as tx:
        corpus = await tx.corpora.get(SCOPE, desk.corpus)
        listed = await tx.documents.list_revisions(SCOPE, corpus.id, PageRequest(limit=MAX_LIMIT))
    for one in listed.items:
        if one.state is RevisionState.PREPARED:
            _, parsed = await parts.read_revision_text(SCOPE, one.document_id, one.number)
            found.add(parsed.text)
    return found


@pytest.mark.parametrize("near_texts", [True, False])
async def test_a_wrong_bit_in_the_database_never_shows_another_text(
    snapshot: Snapshot, index: EdgeIndex, tmp_path: Path, *, near_texts: bool
) -> None:
    content, refused, unforeseen = (snapshot.folder / DATABASE).read_bytes(), 0, 0
    for place in places(content, near_texts=near_texts):
        folder = snapshot.catalog_copied(tmp_path / "flipped", log=b"")
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        (folder / DATABASE).write_bytes(flipped)
        try:
            async with desk_over(folder, index) as desk:
                assert await shown(desk) <= EVERYTHING, place
        except RagError:
            refused += 1
        except (ValueError, TypeError, LookupError):
            # A word or a moment in a row that is none: people are told to ask their operator.
            unforeseen += 1

    # Else the rows that hold texts were missed.
    assert refused or not near_texts
    assert unforeseen <= FLIPS // 20


async def altered(desk: Desk, statement: str) -> None:
    async with desk.worker.container.catalog._database.writing() as connection:
        await connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "change", ["text = replace(text, 'red', 'rot')", "headings = '[\"Other\"]'", "embedded_sha256 = 'f00'"]
)
async def test_a_passage_that_is_not_what_was_stored_is_an_error_that_names_its_document(
    snapshot: Snapshot, index: EdgeIndex, tmp_path: Path, change: str
) -> None:
    async with desk_over(snapshot.catalog_copied(tmp_path / "altered", log=b""), index) as desk:
        await altered(desk, f"UPDATE chunks SET {change} WHERE text LIKE '%red%'")  # noqa: S608

        with pytest.raises(DataDamaged, match=r"Passage .+ of document .+ is damaged on disk"):
            await desk.texts(at="1")
        assert await desk.texts() == TEXTS[2]


async def test_a_source_that_is_not_what_was_stored_is_an_error_that_names_it(
    snapshot: Snapshot, index: EdgeIndex, tmp_path: Path
) -> None:
    async with desk_over(snapshot.catalog_copied(tmp_path / "altered", log=b""), index) as desk:
        [document_id] = [one for one, key in (await desk.keys()).items() if key == "c"]
        another = f"SELECT text FROM revision_texts WHERE document_id <> '{document_id}' LIMIT 1"  # noqa: S608
        await altered(desk, f"UPDATE revision_texts SET text = ({another})")  # noqa: S608

        with pytest.raises(DataDamaged, match=f"The text of revision 1 of document {document_id} is damaged"):
            await desk.worker.container.read_revision_text(SCOPE, document_id, 1)


async def test_an_uploaded_file_that_was_changed_fails_with_a_reason_and_no_other_does(
    snapshot: Snapshot, index: EdgeIndex, tmp_path: Path
) -> None:
    folder = snapshot.copied(tmp_path / "altered")
    async with desk_over(folder, index) as desk:
        damaged = await desk.upload("f", "Figs are sweet.")
        other = await desk.upload("g", "Grapes are sour.")
        [blob] = (folder / "blobs").rglob(damaged.revision.raw_sha256)
        blob.write_bytes(b"Figs are sweat.")

        await desk.work_off()

        async with desk.worker.container.catalog.reading() as tx:
            failed = await tx.documents.revision(SCOPE, damaged.revision.document_id, 1)
            prepared = await tx.documents.revision(SCOPE, other.revision.document_id, 1)
            [job] = await tx.jobs.of_subject(SCOPE, f"{failed.document_id}/1")
        assert (failed.state, failed.reason) == (RevisionState.FAILED, ReasonCode.DAMAGED)
        assert (job.state, job.attempts) == (JobState.DEAD, 1)
        assert prepared.state is RevisionState.PREPARED
