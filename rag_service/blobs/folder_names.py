"""Names in a folder, which a file has for good once they are on the disk."""

import os
from pathlib import Path


def sync_names(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
