"""The rows of a build on disk: one SQLite file, complete whenever the machine stops.

A row's number is never used again and its vectors never change: a point written anew gets a new row.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from rag_service.domain.ids import CorpusId, PointId
from rag_service.errors import IndexUnavailable
from rag_service.on_disk import sync
from rag_service.ports.vector_index import Point, PointState
from rag_service.retrieval.faiss_checksums import (
    BuildDamaged,
    Values,
    checked_point,
    checked_vectors,
    point_checksum,
    vectors_checksum,
)
from rag_service.retrieval.faiss_copy import RowCopy, remove_copies
from rag_service.retrieval.faiss_record import Record, point_of, state_of
from rag_service.retrieval.index_room import require_room

FILE = "rows.db"

_LAYOUT = 1
_SCHEMA = f"""
PRAGMA user_version = {_LAYOUT};
CREATE TABLE build (dimensions INTEGER NOT NULL, token TEXT NOT NULL);
CREATE TABLE points (
  row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, tenant_id TEXT NOT NULL, corpus_id TEXT NOT NULL,
  document_id TEXT NOT NULL, chunk_id TEXT NOT NULL, principals TEXT NOT NULL, born INTEGER NOT NULL, died INTEGER NOT NULL,
  checksum INTEGER NOT NULL
);
CREATE INDEX points_of_corpus ON points (corpus_id, id);
CREATE TABLE vectors (
  row INTEGER PRIMARY KEY, dense BLOB NOT NULL, terms BLOB NOT NULL, weights BLOB NOT NULL, checksum INTEGER NOT NULL
);
"""
# FULL brings every commit to disk; secure_delete overwrites most of what is removed before `compact` leaves nothing.
# A row's vectors take 2 KB with the default model: pages of the usual size would hold one each. What finds a row by its id
# takes 60 MB for a million of them, and is asked with each search.
_PRAGMAS = (
    "page_size = 16384",
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = ON",
    "cell_size_check = ON",
    "cache_size = -65536",
)
_BUSY_S = 30.0
_POINT = "points.row, id, tenant_id, corpus_id, document_id, chunk_id, principals, born, died, points.checksum"
_VECTORS = "dense, terms, weights, vectors.checksum"
_JOINED = f"SELECT {_POINT}, {_VECTORS} FROM points LEFT JOIN vectors ON vectors.row = points.row"  # noqa: S608
_POINT_SIZE = 9
_GIVEN_IDS = "id IN (SELECT value FROM json_each(?))"
_GIVEN_ROWS = "row IN (SELECT value FROM json_each(?))"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_Role = Literal["changes", "reads"]
_Found = TypeVar("_Found")


class RowStore:
    """An open file. One thread at a time may change it and another one read it.

    `damaged` says whether it has given back other rows than were written since it was opened.
    """

    def __init__(self, file: Path) -> None:
        self.damaged = False
        self._file = file
        self._reading = threading.Lock()
        self._connections: dict[_Role, sqlite3.Connection] = {}
        self._closed = False
        self._copy: RowCopy | None = None
        with store_errors("open a build"):
            if not file.is_file():
                raise IndexUnavailable(f"The rows of the build in {file.parent} are gone.")
            remove_copies(file.parent)
            self.dimensions, self.token = _build_of(self._connection("reads"), file)

    @staticmethod
    def create(file: Path, *, dimensions: int, token: str) -> None:
        """Make a file without rows. `token` tells builds apart that have the same name, one after the other."""
        with store_errors("make a build"):
            connection = _connected(file)
            connection.executescript(_SCHEMA)
            connection.execute("INSERT INTO build VALUES (?, ?)", (dimensions, token))
            connection.close()

    @contextmanager
    def damage_noted(self) -> Iterator[None]:
        """Remember damage that shows inside of the block."""
        try:
            yield
        except BuildDamaged:
            self.damaged = True
            raise

    def close(self) -> None:
        with store_errors("close a build"), self._reading:
            self._closed = True
            self._disconnect()

    def add(self, points: Sequence[Point]) -> tuple[list[Record], list[int]]:
        """Write points; return their records in order of row, and the rows that they replace."""
        # Of a point that is given twice the last one counts, as in any other order of writing.
        by_id = {point.id: point for point in points}
        with self._transaction("write") as changes:
            replaced = _remove(changes, _GIVEN_IDS, json.dumps(list(by_id)))
            # A removed row leaves its number here, so that none is given twice.
            (highest,) = changes.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()
            records = [Record.of(point, highest + 1 + ordinal) for ordinal, point in enumerate(by_id.values())]
            _insert(changes, records)
        self._note([*replaced, *(record.row for record in records)])
        return records, replaced

    def set_died(self, ids: Sequence[PointId], died: int) -> list[int]:
        """Return the rows of those that there are."""
        return self._set(ids, died=died)

    def set_principals(self, ids: Sequence[PointId], principals: str) -> list[int]:
        """Return the rows of those that there are; `principals` as in a record."""
        return self._set(ids, principals=principals)

    def remove(self, ids: Sequence[PointId]) -> list[int]:
        """Return the rows of those that there were."""
        return self._remove(_GIVEN_IDS, json.dumps(list(ids)))

    def remove_of(self, corpus_id: CorpusId, *, limit: int) -> list[int]:
        """Remove some points of a corpus; return their rows, none when no point was left."""
        return self._remove("row IN (SELECT row FROM points WHERE corpus_id = ? LIMIT ?)", corpus_id, limit)

    def corpora(self) -> dict[CorpusId, int]:
        found = self._read("SELECT corpus_id, count(*) FROM points GROUP BY corpus_id")
        return {CorpusId(corpus_id): count for corpus_id, count in found}

    def rows_of(self, ids: Sequence[PointId]) -> dict[PointId, int]:
        """Return the rows of those of the points that there are."""
        found = self._read(f"SELECT id, row FROM points WHERE {_GIVEN_IDS}", json.dumps(list(ids)))  # noqa: S608
        return {PointId(point_id): row for point_id, row in found}

    def states(self, corpus_id: CorpusId, *, born_after: int, after: PointId | None, limit: int) -> list[PointState]:
        """Return the next `limit` points of a corpus by point id."""
        found = self._read(
            f"SELECT {_POINT} FROM points WHERE corpus_id = ? AND born > ? AND id > ? ORDER BY id LIMIT ?",  # noqa: S608
            corpus_id, born_after, after or "", limit,
        )  # fmt: skip
        return [state_of(point) for point in self._checked(checked_point, found)]

    def points(self, *, after: PointId | None, limit: int) -> list[Point]:
        """Return the next `limit` points by point id, dense vectors of length 1."""
        found = self._read(f"{_JOINED} WHERE id > ? ORDER BY id LIMIT ?", after or "", limit)
        return [point_of(record) for record in self._checked(_record, found)]

    def count(self) -> int:
        [(count,)] = self._read("SELECT count(*) FROM points")
        return int(count)

    def records(self, *, page: int) -> Iterator[list[Record]]:
        """Yield every record in pages, by row."""
        last = -1
        while found := self._read(f"{_JOINED} WHERE points.row > ? ORDER BY points.row LIMIT ?", last, page):
            yield self._checked(_record, found)
            last = found[-1][0]

    @contextmanager
    def copied(self, *, stopped: Callable[[], bool]) -> Iterator[RowCopy]:
        """Yield a copy for `put_in_place`, without a byte of rows that were removed; others read and change meanwhile."""
        with self._errors("copy a build"):
            require_room(self._file.parent, beyond=self._size_bytes())
            copy = self._copy = RowCopy(_connected(self._file), self._file.parent, stopped=stopped)
            try:
                copy.make()
                yield copy
            finally:
                self._copy = None
                copy.discard()

    def put_in_place(self, copy: RowCopy) -> None:
        """Let the copy be the rows, in the thread that changes them; it is a moment in which nobody reads."""
        with self._errors("put a copy in place"):
            copy.finish()
            self._connection("changes").execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            with self._reading:
                self._disconnect()
                self._replace_by(copy.file)

    def _replace_by(self, file: Path) -> None:
        # SQLite would read the changes in it into the other file.
        if self._log.exists() and self._log.stat().st_size:
            raise IndexUnavailable("The log of a build is in use and cannot be emptied.")
        file.replace(self._file)
        sync(self._file.parent)

    @property
    def _log(self) -> Path:
        return self._file.with_name(f"{self._file.name}-wal")

    def _size_bytes(self) -> int:
        return sum(file.stat().st_size for file in (self._file, self._log) if file.exists())

    def _connection(self, role: _Role) -> sqlite3.Connection:
        """Return the one that is open; open it where there is none, as after a copy was put in place."""
        if self._closed:
            raise IndexUnavailable("The rows of a build have been closed.")
        if role not in self._connections:
            self._connections[role] = _connected(self._file)
        return self._connections[role]

    def _disconnect(self) -> None:
        while self._connections:
            self._connections.popitem()[1].close()

    def _note(self, rows: Sequence[int]) -> None:
        # After the commit: a copy that began before has not seen it.
        if copy := self._copy:
            copy.note(rows)

    def _set(self, ids: Sequence[PointId], *, principals: str | None = None, died: int | None = None) -> list[int]:
        """Change what is given of the points that there are; return their rows."""
        with self._transaction("change points") as changes:
            found = changes.execute(f"SELECT {_POINT} FROM points WHERE {_GIVEN_IDS}", (json.dumps(list(ids)),))  # noqa: S608
            changed = [_changed(checked_point(row), principals, died) for row in found.fetchall()]
            statement = "UPDATE points SET principals = ?, died = ?, checksum = ? WHERE row = ?"
            changes.executemany(statement, [(row[6], row[8], point_checksum(row), row[0]) for row in changed])
        rows = [row[0] for row in changed]
        self._note(rows)
        return rows

    def _remove(self, which: str, *values: object) -> list[int]:
        with self._transaction("remove points") as changes:
            rows = _remove(changes, which, *values)
        self._note(rows)
        return rows

    @contextmanager
    def _transaction(self, action: str) -> Iterator[sqlite3.Connection]:
        with self._errors(action):
            changes = self._connection("changes")
            changes.execute("BEGIN IMMEDIATE")
            try:
                yield changes
                changes.execute("COMMIT")
            except BaseException:
                if changes.in_transaction:
                    changes.execute("ROLLBACK")
                raise

    def _read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._errors("read points"), self._reading:
            return self._connection("reads").execute(statement, values).fetchall()

    @contextmanager
    def _errors(self, action: str) -> Iterator[None]:
        with self.damage_noted(), store_errors(action):
            yield

    def _checked(self, check: Callable[[Values], _Found], rows: Sequence[Values]) -> list[_Found]:
        with self.damage_noted():
            return [check(row) for row in rows]


@contextmanager
def store_errors(action: str) -> Iterator[None]:
    """Translate what SQLite or the disk refuses while it does `action`."""
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        # Of what the library refuses itself there is no code, and the other bits of one say where it was seen.
        damaged = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _DAMAGED
        refused = BuildDamaged if damaged else IndexUnavailable
        raise refused(f"The rows of a build: could not {action}: {exc}") from exc


def _connected(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _remove(changes: sqlite3.Connection, which: str, *values: object) -> list[int]:
    found = changes.execute(f"DELETE FROM points WHERE {which} RETURNING row", values).fetchall()  # noqa: S608
    rows = [row for (row,) in found]
    changes.execute(f"DELETE FROM vectors WHERE {_GIVEN_ROWS}", (json.dumps(rows),))  # noqa: S608
    return rows


def _insert(changes: sqlite3.Connection, records: Sequence[Record]) -> None:
    points = [(*each[:_POINT_SIZE], point_checksum(each[:_POINT_SIZE])) for each in records]
    vectors = [(r.dense, r.terms, r.weights) for r in records]
    checked = [(r.row, *each, vectors_checksum(r.row, each)) for r, each in zip(records, vectors, strict=True)]
    changes.executemany("INSERT INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", points)
    changes.executemany("INSERT INTO vectors VALUES (?, ?, ?, ?, ?)", checked)


def _changed(point: Values, principals: str | None, died: int | None) -> Values:
    *rest, principals_before, born, died_before = point
    readers = principals_before if principals is None else principals
    return (*rest, readers, born, died_before if died is None else died)


def _record(row: Values) -> Record:
    """Return a joined row as it was written, or refuse it."""
    point, vectors = row[: _POINT_SIZE + 1], row[_POINT_SIZE + 1 :]
    return Record(*checked_point(point), *checked_vectors(row[0], vectors))


def _build_of(rows: sqlite3.Connection, file: Path) -> tuple[int, str]:
    """Return the dimensions and the token of a build."""
    (layout,) = rows.execute("PRAGMA user_version").fetchone()
    if layout != _LAYOUT:
        raise IndexUnavailable(f"The rows in {file} were written by another release: the build has to be made again.")
    row = rows.execute("SELECT dimensions, token FROM build").fetchone()
    if row is None:
        raise IndexUnavailable(f"The rows in {file} are of no build.")
    return int(row[0]), str(row[1])
