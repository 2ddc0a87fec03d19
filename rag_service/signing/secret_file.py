"""The one secret of a service, in a file that only its user can read."""

import contextlib
import os
import secrets
from pathlib import Path

from rag_service.errors import Misconfigured

_SECRET_BYTES = 32
_ONLY_OWNER = 0o600


def read_or_create(path: Path) -> bytes:
    """Return the secret in the file, which is made when there is none. Several processes may do so at once.

    Raises:
        Misconfigured: the file cannot be read or is too short.
    """
    with contextlib.suppress(FileExistsError):
        _create(path)
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as exc:
        raise Misconfigured(f"The secret in {path} cannot be read: {exc}") from exc
    if len(secret) < _SECRET_BYTES:
        raise Misconfigured(f"The secret in {path} is damaged. Restore the file from a backup.")
    return secret


def _create(path: Path) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _ONLY_OWNER), "w") as file:
            file.write(secrets.token_hex(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole or not at all, and never in place of another process's secret.
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
