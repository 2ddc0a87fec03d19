"""The folder of everything the service keeps, which belongs to one set of programs at a time."""

import contextlib
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from rag_service.errors import Misconfigured
from rag_service.settings import Settings


@contextmanager
def claimed_folder(settings: Settings) -> Iterator[None]:
    """Make the data folder if there is none, and keep others off it during the block.

    Raises:
        Misconfigured: another service runs over it.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PermissionError):
        settings.data_dir.chmod(0o700)
    with (settings.data_dir / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise Misconfigured(
                f"Another service runs over {settings.data_dir.resolve()}. Stop it, or set RAG_DATA_DIR."
            ) from exc
        yield
