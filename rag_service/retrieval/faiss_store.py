"""The rows of a build on disk: one SQLite file, complete whenever the machine stops.

A row's number is never used again and its vectors never change: a point written anew gets a new row.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rag_service.domain.ids import ChunkId, CorpusId, DocumentId, PointId, TenantId
from rag_service.errors import IndexUnavailable
from rag_service.ports.vector_index import Point, PointState
from rag_service.ports.vectors import DenseVector, SparseVector
from rag_service.retrieval.faiss_record import FLOATS, TERMS, Record

FILE = "rows.db"

_SCHEMA = """
CREATE TABLE build (dimensions INTEGER NOT NULL, token TEXT NOT NULL);
CREATE TABLE points (
  row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, tenant_id TEXT NOT NULL, corpus_id TEXT NOT NULL,
  document_id TEXT NOT NULL, chunk_id TEXT NOT NULL, principals TEXT NOT NULL, born INTEGER NOT NULL, died INTEGER NOT NULL
);
CREATE INDEX points_of_corpus ON points (corpus_id, id);
CREATE TABLE vectors (row INTEGER PRIMARY KEY, dense BLOB NOT NULL, terms BLOB NOT NULL, weights BLOB NOT NULL);
"""
# FULL brings every commit to disk; secure_delete overwrites what is removed, also where no VACUUM comes.
# A row's vectors take 2 KB with the default model: pages of the usual size would hold one each.
_PRAGMAS = (
    "page_size = 16384",
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = ON",
    "cell_size_check = ON",
)
_BUSY_S = 30.0
_ROUNDING = 1e-6
_STATE = "id, tenant_id, corpus_id, chunk_id, principals, born, died"
_POINT = "id, tenant_id, corpus_id, document_id, chunk_id, principals, born, died, dense, terms, weights"
_GIVEN_IDS = "id IN (SELECT value FROM json_each(?))"
_GIVEN_ROWS = "row IN (SELECT value FROM json_each(?))"


class RowStore:
    """An open file. One thread at a time may change it and another one read it."""

    def __init__(self, file: Path) -> None:
        with store_errors("open a build"):
            if not file.is_file():
                raise IndexUnavailable(f"The rows of the build in {file.parent} are gone.")
            self._changes, self._reads = _connected(file), _connected(file)
            row = self._reads.execute("SELECT dimensions, token FROM build").fetchone()
            if row is None:
                raise IndexUnavailable(f"The rows in {file} are of no build.")
        self.dimensions, self.token = int(row[0]), str(row[1])

    @staticmethod
    def create(file: Path, *, dimensions: int, token: str) -> None:
        """Make a file without rows. `token` tells builds apart that have the same name, one after the other."""
        with store_errors("make a build"):
            connection = _connected(file)
            connection.executescript(_SCHEMA)
            connection.execute("INSERT INTO build VALUES (?, ?)", (dimensions, token))
            connection.close()

    def close(self) -> None:
        with store_errors("close a build"):
            self._reads.close()
            self._changes.close()

    def add(self, points: Sequence[Point]) -> tuple[list[Record], list[int]]:
        """Write points; return their records in order of row, and the rows that they replace."""
        with self._transaction("write") as changes:
            # Of a point that is given twice the last one counts, as in any other order of writing.
            by_id = {point.id: point for point in points}
            replaced = _remove(changes, _GIVEN_IDS, json.dumps(list(by_id)))
            # A removed row leaves its number here, so that none is given twice.
            (highest,) = changes.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()
            records = [Record.of(point, highest + 1 + ordinal) for ordinal, point in enumerate(by_id.values())]
            changes.executemany("INSERT INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [r[:9] for r in records])
            changes.executemany("INSERT INTO vectors VALUES (?, ?, ?, ?)", [(r.row, *r[9:]) for r in records])
        return records, replaced

    def set_died(self, ids: Sequence[PointId], died: int) -> list[int]:
        """Return the rows of those that there are."""
        return self._set("died", died, ids)

    def set_principals(self, ids: Sequence[PointId], principals: str) -> list[int]:
        """Return the rows of those that there are; `principals` as in a record."""
        return self._set("principals", principals, ids)

    def remove(self, ids: Sequence[PointId]) -> list[int]:
        """Return the rows of those that there were."""
        with self._transaction("remove points") as changes:
            return _remove(changes, _GIVEN_IDS, json.dumps(list(ids)))

    def remove_of(self, corpus_id: CorpusId, *, limit: int) -> list[int]:
        """Remove some points of a corpus; return their rows, none when no point was left."""
        with self._transaction("remove a corpus") as changes:
            some = "row IN (SELECT row FROM points WHERE corpus_id = ? LIMIT ?)"
            return _remove(changes, some, corpus_id, limit)

    def corpora(self) -> dict[CorpusId, int]:
        found = self._read("SELECT corpus_id, count(*) FROM points GROUP BY corpus_id")
        return {CorpusId(corpus_id): count for corpus_id, count in found}

    def states(self, corpus_id: CorpusId, *, born_after: int, after: PointId | None, limit: int) -> list[PointState]:
        """Return the next `limit` points of a corpus by point id."""
        found = self._read(
            f"SELECT {_STATE} FROM points WHERE corpus_id = ? AND born > ? AND id > ? ORDER BY id LIMIT ?",  # noqa: S608
            corpus_id, born_after, after or "", limit,
        )  # fmt: skip
        return [_state(row) for row in found]

    def points(self, *, after: PointId | None, limit: int) -> list[Point]:
        """Return the next `limit` points by point id, dense vectors of length 1."""
        found = self._read(
            f"SELECT {_POINT} FROM points JOIN vectors USING (row) WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608
            after or "", limit,
        )  # fmt: skip
        return [_point(row) for row in found]

    def count(self) -> int:
        [(count,)] = self._read("SELECT count(*) FROM points")
        return int(count)

    def records(self, *, page: int) -> Iterator[list[tuple[Any, ...]]]:
        """Yield every record in pages, by row, as the tuples of `Record`."""
        last = -1
        while found := self._read(
            f"SELECT row, {_POINT} FROM points JOIN vectors USING (row) WHERE row > ? ORDER BY row LIMIT ?",  # noqa: S608
            last, page,
        ):  # fmt: skip
            yield found
            last = found[-1][0]

    def compact(self) -> None:
        """Leave no byte of rows that were removed, in no file."""
        with store_errors("compact a build"):
            self._changes.execute("VACUUM")
            (busy, _, _) = self._changes.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise IndexUnavailable("The log of a build is in use and cannot be emptied.")

    def _set(self, column: str, value: object, ids: Sequence[PointId]) -> list[int]:
        statement = f"UPDATE points SET {column} = ? WHERE {_GIVEN_IDS} RETURNING row"  # noqa: S608 - names of our own
        with self._transaction("change points") as changes:
            return [row for (row,) in changes.execute(statement, (value, json.dumps(list(ids)))).fetchall()]

    @contextmanager
    def _transaction(self, action: str) -> Iterator[sqlite3.Connection]:
        with store_errors(action):
            self._changes.execute("BEGIN IMMEDIATE")
            try:
                yield self._changes
                self._changes.execute("COMMIT")
            except BaseException:
                if self._changes.in_transaction:
                    self._changes.execute("ROLLBACK")
                raise

    def _read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with store_errors("read points"):
            return self._reads.execute(statement, values).fetchall()


@contextmanager
def store_errors(action: str) -> Iterator[None]:
    """Translate what SQLite or the disk refuses while it does `action`."""
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        raise IndexUnavailable(f"The rows of a build: could not {action}: {exc}") from exc


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


def _state(row: tuple[Any, ...]) -> PointState:
    return PointState(
        id=PointId(row[0]),
        tenant_id=TenantId(row[1]),
        corpus_id=CorpusId(row[2]),
        chunk_id=ChunkId(row[3]),
        principals=frozenset(json.loads(row[4])),
        born=row[5],
        died=row[6],
    )


def _point(row: tuple[Any, ...]) -> Point:
    return Point(
        id=PointId(row[0]),
        tenant_id=TenantId(row[1]),
        corpus_id=CorpusId(row[2]),
        document_id=DocumentId(row[3]),
        chunk_id=ChunkId(row[4]),
        principals=frozenset(json.loads(row[5])),
        born=row[6],
        died=row[7],
        dense=_of_length_one(np.frombuffer(row[8], dtype=FLOATS)),
        sparse=SparseVector(indices=np.frombuffer(row[9], dtype=TERMS), values=np.frombuffer(row[10], dtype=FLOATS)),
    )


def _of_length_one(vector: DenseVector) -> DenseVector:
    length = np.linalg.norm(vector.astype(np.float64))
    # To divide once more would move the last bits: what comes back from a snapshot scores as it did.
    if abs(length - 1) < _ROUNDING:
        return vector
    normal: DenseVector = (vector / length).astype(np.float32)
    return normal
