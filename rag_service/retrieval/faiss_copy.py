"""A copy of the rows of a build without a byte of those that were removed, made while rows change.

`secure_delete` alone leaves some: SQLite moves entries between pages, and where they were they stay.
"""

import json
import sqlite3
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from rag_service.on_disk import sync

_COPIES = "copy-*"
_ROWS_AT_ONCE = 4_096
_STEPS_BETWEEN_LOOKS = 10_000
_TABLES = ("points", "vectors")
_GIVEN_ROWS = "row IN (SELECT value FROM json_each(?))"


class RowCopy:
    """A file that becomes like another one, over a connection of its own to that.

    The thread that changes rows tells which ones, after each commit. Another one makes the copy and catches up.
    Every method but `note` may raise what SQLite and the disk raise.
    """

    def __init__(self, rows: sqlite3.Connection, folder: Path, *, stopped: Callable[[], bool]) -> None:
        self.file = folder / f"copy-{uuid.uuid4().hex}.db"
        self._rows = rows
        self._changed: deque[int] = deque()
        self._rows.set_progress_handler(stopped, _STEPS_BETWEEN_LOOKS)

    def note(self, rows: Iterable[int]) -> None:
        """Remember rows that were added, changed or removed."""
        self._changed.extend(rows)

    def make(self) -> None:
        """Copy what there is; nobody waits for it, neither to read nor to change."""
        self._rows.execute("VACUUM INTO ?", (str(self.file),))
        # The log could not begin anew meanwhile. Here nobody waits for it to be emptied.
        self._rows.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        self._rows.execute("ATTACH ? AS copy", (str(self.file),))
        # A copy that is not finished counts for nothing, and `sync` brings it to disk.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "secure_delete = ON"):
            self._rows.execute(f"PRAGMA copy.{pragma}").fetchall()
        while len(self._changed) > _ROWS_AT_ONCE:
            self._catch_up()
        # What is left for `finish`, for which changes wait, is little then.
        sync(self.file)

    def finish(self) -> None:
        """Catch up for good, in the thread that changes rows, and bring the file to disk."""
        while self._changed:
            self._catch_up()
        # Numbers of rows that came and went meanwhile must not be given again.
        self._rows.execute("DELETE FROM copy.sqlite_sequence")
        self._rows.execute("INSERT INTO copy.sqlite_sequence SELECT * FROM main.sqlite_sequence")
        self._rows.close()
        sync(self.file)

    def discard(self) -> None:
        """Leave nothing that was not put in place."""
        self._rows.close()
        self.file.unlink(missing_ok=True)

    def _catch_up(self) -> None:
        # In the order of changes: a row is gone from the copy before the one that took its point's id comes.
        some = json.dumps([self._changed.popleft() for _ in range(min(_ROWS_AT_ONCE, len(self._changed)))])
        self._rows.execute("BEGIN")
        for table in _TABLES:
            self._rows.execute(f"DELETE FROM copy.{table} WHERE {_GIVEN_ROWS}", (some,))  # noqa: S608 - names of our own
        for table in _TABLES:
            given = f"SELECT * FROM main.{table} WHERE {_GIVEN_ROWS}"  # noqa: S608 - names of our own
            self._rows.execute(f"INSERT INTO copy.{table} {given}", (some,))
        self._rows.execute("COMMIT")


def remove_copies(folder: Path) -> None:
    """Remove what a crash left of copies."""
    for each in folder.glob(_COPIES):
        each.unlink()
