"""A disk of its own, in memory: mapped files meet its end as they would that of any other."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted_disk(size_mib: int) -> Iterator[Path]:
    """Mount a disk of this size for the block; the test is skipped where that is not allowed."""
    folder = Path(tempfile.mkdtemp(prefix="rag-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:  # noqa: S603 - our own words
        folder.rmdir()
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S603, S607 - our own words
        folder.rmdir()
