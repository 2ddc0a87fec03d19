"""Looking at the catalog's file before the service starts over it."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rag_service.catalog.file_check import check_structure, sqlite_file, was_left_open
from rag_service.errors import Misconfigured
from rag_service.settings import Settings
from rag_service.supervisor import serve


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A catalog whose process was killed: its log is still there."""
    alive, left = tmp_path / "alive.db", tmp_path / "catalog.db"
    with closing(sqlite3.connect(alive)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO texts (text) VALUES (?)", [("words " * 200,)] * 500)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(FULL)")
        connection.execute("INSERT INTO texts (text) VALUES ('the last')")
        connection.commit()
        for suffix in ("", "-wal"):
            shutil.copy(f"{alive}{suffix}", f"{left}{suffix}")
    return left


def damage(file: Path) -> None:
    content, drawn = bytearray(file.read_bytes()), random.Random(3)  # noqa: S311  (not for secrets)
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 8] = drawn.randbytes(8)
    file.write_bytes(content)


def test_a_file_whose_process_was_killed_was_left_open(file: Path) -> None:
    assert was_left_open(file)


def test_a_file_that_was_closed_is_not(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("SELECT count(*) FROM texts")

    assert not was_left_open(file)


def test_a_new_folder_has_nothing_to_look_at(tmp_path: Path) -> None:
    assert not was_left_open(tmp_path / "catalog.db")


def test_a_whole_file_passes(file: Path) -> None:
    assert check_structure(file)


def test_a_damaged_file_is_refused_with_advice(file: Path) -> None:
    damage(file)

    with pytest.raises(Misconfigured, match=r"damaged .+ Restore the data folder from a backup"):
        check_structure(file)


def test_what_is_no_database_is_refused(file: Path) -> None:
    file.write_bytes(b"no database at all" * 1000)

    with pytest.raises(Misconfigured, match="is damaged"):
        check_structure(file)


def test_the_look_ends_when_its_time_is_over(file: Path) -> None:
    assert not check_structure(file, limit_s=-1)


def test_the_service_does_not_start_over_a_damaged_catalog(file: Path) -> None:
    damage(file)

    with pytest.raises(Misconfigured, match="is damaged"):
        serve(Settings(data_dir=file.parent))


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite+aiosqlite:////data/catalog.db", Path("/data/catalog.db")),
        ("postgresql+asyncpg://user@host/rag", None),
    ],
)
def test_the_file_follows_from_the_address(url: str, path: Path | None) -> None:
    assert sqlite_file(url) == path
