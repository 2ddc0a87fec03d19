"""Where tests keep their files: in memory where there is room. On a disk they wait for it most of their time."""

import os
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108  (a file system, not a file)
_ROOM_BYTES = 4 * 2**30
"""Several times what all tests of two processes hold at once."""


def keep_files_in_memory() -> None:
    """Let this process and its children make temporary files in memory, unless TMPDIR says where they belong."""
    if "TMPDIR" not in os.environ and _has_room():
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


def _has_room() -> bool:
    if not os.access(_MEMORY, os.W_OK):
        return False
    there = os.statvfs(_MEMORY)
    room_bytes = min(there.f_bavail * there.f_frsize, _unused_memory_bytes())
    # Some tests run programs that they write themselves.
    return room_bytes > _ROOM_BYTES and not there.f_flag & os.ST_NOEXEC


def _unused_memory_bytes() -> int:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    [kibibytes] = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(kibibytes) * 1024
