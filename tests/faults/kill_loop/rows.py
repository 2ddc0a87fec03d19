"""The catalog as its rows say, read without any code of the service."""

import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_CORPUS = "SELECT id, fingerprint, published FROM corpora WHERE name = ?"
_DRAFTS = "SELECT id, name, automatic, state, number, sealed_against FROM drafts WHERE corpus_id = ?"
_VERSIONS = "SELECT number, draft_id, published_at FROM versions WHERE corpus_id = ?"
_PUBLICATIONS = "SELECT sequence, number, previous FROM publications WHERE corpus_id = ? ORDER BY sequence"
_JOBS = "SELECT kind, subject, state, reason FROM jobs WHERE corpus_id = ?"
_MEMBERSHIPS = """
    SELECT d.key, m.revision, m.born, m.died
    FROM memberships AS m JOIN documents AS d ON d.id = m.document_id WHERE m.corpus_id = ?"""
_CHANGES = """
    SELECT c.draft_id, d.key, c.revision
    FROM draft_changes AS c JOIN documents AS d ON d.id = c.document_id WHERE d.corpus_id = ?"""
_REVISIONS = """
    SELECT d.key, r.number, r.raw_sha256, r.state, t.text, r.chunk_count, (
        SELECT count(*) FROM chunks AS c
        WHERE c.document_id = r.document_id AND c.revision = r.number AND c.fingerprint = ?)
    FROM revisions AS r JOIN documents AS d ON d.id = r.document_id
    LEFT JOIN revision_texts AS t ON t.document_id = r.document_id AND t.revision = r.number
    WHERE d.corpus_id = ? ORDER BY d.key, r.number"""
_POINTS = """
    SELECT c.id, m.born, m.died
    FROM memberships AS m JOIN chunks AS c ON c.document_id = m.document_id AND c.revision = m.revision
    WHERE m.corpus_id = ? AND c.fingerprint = ? ORDER BY 1, 2, 3"""
_UNFINISHED = (
    "SELECT id, state, number FROM drafts WHERE corpus_id = ? AND state IN ('sealing', 'unsealing')",
    """SELECT id, state FROM drafts AS d WHERE corpus_id = ? AND automatic AND state = 'open'
        AND EXISTS (SELECT 1 FROM draft_changes AS c WHERE c.draft_id = d.id)""",
    """SELECT kind, subject, state, attempts, detail FROM jobs
        WHERE corpus_id = ?1 AND state IN ('queued', 'waiting', 'running', 'failed') AND NOT (
            state = 'waiting' AND subject IN (SELECT id FROM drafts WHERE purpose = 'preview' AND state = 'open')
            AND EXISTS (SELECT 1 FROM drafts WHERE corpus_id = ?1 AND purpose = 'preview' AND state = 'sealed'))""",
)


class Membership(NamedTuple):
    """A revision of a document, and the versions that show it: from `born` on, and no longer at `died`."""

    key: str
    revision: int
    born: int
    died: int


class Draft(NamedTuple):
    """A draft as it is now."""

    id: str
    name: str | None
    automatic: int
    state: str
    number: int | None
    sealed_against: int | None


class Revision(NamedTuple):
    """A revision, with its canonical text once it was read; `chunks` are its chunks under the corpus's build."""

    key: str
    number: int
    raw_sha256: str
    state: str
    packed_text: bytes | None
    chunk_count: int
    chunks: int

    @property
    def text(self) -> str:
        """The canonical text, empty before the file was read."""
        return zlib.decompress(self.packed_text).decode() if self.packed_text else ""


class Rows:
    """One corpus in an open database."""

    def __init__(self, database: sqlite3.Connection, name: str) -> None:
        self._database = database
        [(self.id, self.fingerprint, self.published)] = self._all(_CORPUS, name)
        self.drafts = [Draft(*row) for row in self._all(_DRAFTS, self.id)]
        versions = self._all(_VERSIONS, self.id)
        self.versions: dict[int, str] = {number: draft_id for number, draft_id, _ in versions}
        self.published_once = {number for number, _, published_at in versions if published_at}

    def memberships(self) -> list[Membership]:
        """Return who was a member when."""
        return [Membership(*row) for row in self._all(_MEMBERSHIPS, self.id)]

    def revisions(self) -> list[Revision]:
        """Return all revisions, by key and number."""
        return [Revision(*row) for row in self._all(_REVISIONS, self.fingerprint, self.id)]

    def changes(self) -> dict[str, dict[str, int | None]]:
        """Return the revision that each draft brings of each key, None for a deletion."""
        found: dict[str, dict[str, int | None]] = defaultdict(dict)
        for draft_id, key, revision in self._all(_CHANGES, self.id):
            found[draft_id][key] = revision
        return found

    def publications(self) -> list[tuple[int, int, int]]:
        """Return sequence, number and number before, of each switch."""
        return self._all(_PUBLICATIONS, self.id)

    def points(self) -> list[tuple[str, int, int]]:
        """Return chunk, `born` and `died` of each point that there should be."""
        return self._all(_POINTS, self.id, self.fingerprint)

    def jobs(self) -> list[tuple[str, str, str, str | None]]:
        """Return kind, subject, state and reason of all jobs."""
        return self._all(_JOBS, self.id)

    def unfinished(self) -> list[tuple[Any, ...]]:
        """Return the jobs and drafts that are still going to change by themselves.

        A second preview waits for as long as people look at the first.
        """
        return [row for wanted in _UNFINISHED for row in self._all(wanted, self.id)]

    def _all(self, statement: str, *values: object) -> list[Any]:
        return self._database.execute(statement, values).fetchall()


@contextmanager
def rows_of(data_dir: Path, names: Sequence[str]) -> Iterator[list[Rows]]:
    """Read corpora as they are at one moment."""
    database = sqlite3.connect(f"file:{data_dir}/catalog.db?mode=ro", uri=True, timeout=30)
    try:
        database.execute("BEGIN")
        yield [Rows(database, name) for name in names]
    finally:
        database.close()
