"""What a driver's error means, in words for whoever operates the service."""

import sqlite3
from typing import Final

DAMAGED: Final = "The database file is damaged. Restore it from a backup."

_FULL: Final = "The disk of the database is full. Make room; what failed can be tried again."
_SQLITE: Final = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_CANTOPEN: "The database file cannot be opened.",
    sqlite3.SQLITE_IOERR: "The database file cannot be read or written: its disk is full or broken.",
}
_POSTGRESQL: Final = {
    "53100": _FULL,
    "XX001": "A table of the database is damaged. Restore it from a backup.",
    "XX002": "An index of the database is damaged. Have it built again.",
}
_PRIMARY_CODE = 0xFF  # the rest of an extended code of SQLite says which call it was


def complaint(error: BaseException | None) -> str:
    """Return what a person can do something with."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        said = _SQLITE.get(code & _PRIMARY_CODE)
    else:
        said = _POSTGRESQL.get(str(getattr(error, "sqlstate", "")))
    return said or "The database did not carry out a statement."
