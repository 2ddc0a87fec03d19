"""How much memory there is for an index."""

import os
from contextlib import suppress
from pathlib import Path

_OF_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def memory_bytes(of_container: Path = _OF_CONTAINER) -> int:
    """Return the memory of the machine, or of the container where that has less."""
    of_machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # Without a limit the file says "max", or is not there.
    with suppress(OSError, ValueError):
        return min(of_machine, int(of_container.read_text("ascii")))
    return of_machine
