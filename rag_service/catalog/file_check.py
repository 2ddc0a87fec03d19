"""A look at the catalog's SQLite file after a stop without warning, before anybody is served from it."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from rag_service.errors import Misconfigured

LIMIT_S = 10.0
"""Reads several gigabytes; a larger file is served although it was not looked at to its end."""

_STEPS = 100  # rows and pages between two looks at the clock
_ADVICE = "Restore the data folder from a backup; SQLite's program saves what is readable with `.recover`."


def sqlite_file(url: str) -> Path | None:
    """Return the file of a catalog's address, None when it is in a database server."""
    scheme, _, path = url.partition(":///")
    return Path(path) if scheme.startswith("sqlite") else None


def was_left_open(file: Path) -> bool:
    """Say whether the last process that had the file open was not closed in order: it left its log behind."""
    log = file.with_name(f"{file.name}-wal")
    return file.exists() and log.exists() and log.stat().st_size > 0


def check_structure(file: Path, *, limit_s: float = LIMIT_S) -> bool:
    """Return whether all of it was looked at within the time; texts in it are checked when they are shown.

    Raises:
        Misconfigured: the file is damaged.
    """
    deadline = time.monotonic() + limit_s
    with closing(sqlite3.connect(file)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            [(found,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return False
            raise Misconfigured(f"The catalog {file} cannot be read ({error}). {_ADVICE}") from error
        except sqlite3.DatabaseError as error:
            raise Misconfigured(f"The catalog {file} is damaged ({error}). {_ADVICE}") from error
    if found != "ok":
        raise Misconfigured(f"The catalog {file} is damaged ({found.splitlines()[-1]}). {_ADVICE}")
    return True
