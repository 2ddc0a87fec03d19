"""Unix sockets whose names the kernel takes."""

import hashlib
import os
from pathlib import Path

_LONGEST_PATH = 90


def socket_path(path: Path) -> Path:
    """Return `path`, or a shorter one in the folder for temporary files where the kernel would refuse so long a name.

    It is the same for all processes of one environment, also for workers, whose temporary files have a folder of their
    own: so `tempfile`, which they tell of it, is not asked.
    """
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return path
    folder = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108  (the name follows from the data folder's)
    return folder / f"rag-{path.stem}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.sock"
