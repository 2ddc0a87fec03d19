"""What must hold of the index when nothing is left to do: it has the catalog's points, and finds what a version shows."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.retrieval.index_client import IndexClient
from rag_service.settings import Settings
from tests.faults.kill_loop.reader import Reader
from tests.faults.kill_loop.record import Record
from tests.faults.kill_loop.rows import Rows
from tests.faults.kill_loop.texts import words_of

_TIMEOUT_S = 30


def check_points(data_dir: Path, rows: Rows) -> None:
    """Compare the points of a corpus, one by one, with what chunks and memberships ask for."""
    found = asyncio.run(_points(data_dir, rows))
    wanted = rows.points()
    assert found == wanted, f"too many: {sorted(set(found) - set(wanted))}, missing: {sorted(set(wanted) - set(found))}"


def check_answers(reader: Reader, record: Record, rows: Rows, numbers: Iterable[int]) -> None:
    """Ask versions in the words of their documents: each shows all of its own, and nothing else."""
    memberships = rows.memberships()
    for number in numbers:
        members = {one.key: one.revision for one in memberships if one.born <= number < one.died}
        wanted = {record.documents[key]: words_of(text) for key, text in record.contents(members).items()}
        asked, found = reader.found(f"{record.corpus}@{number}")
        assert (asked, found) == (number, wanted), f"version {number} shows {found}, and has {wanted}"


async def _points(data_dir: Path, rows: Rows) -> list[tuple[str, int, int]]:
    client = IndexClient(Settings(data_dir=data_dir).index_socket, _TIMEOUT_S)
    try:
        pages = client.states(Fingerprint(rows.fingerprint), corpus_id=CorpusId(rows.id))
        return sorted([(state.chunk_id, state.born, state.died) async for page in pages for state in page])
    finally:
        await client.aclose()
