"""Hashes of large files."""

import hashlib
from pathlib import Path


def sha256_of_file(path: Path) -> str:
    """Return the hex SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
