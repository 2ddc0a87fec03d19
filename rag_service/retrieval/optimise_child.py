"""`python -m rag_service.retrieval.optimise_child FOLDER`: optimise a copy of a shard, away from whoever serves it."""

import ctypes
import os
import signal
import sys
from pathlib import Path

from rag_service.retrieval.edge_shard import Shard

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Optimise the shard in the folder named by the first argument."""
    _end_with_parent()
    os.nice(10)
    shard = Shard.load(Path(sys.argv[1]))
    shard.optimise()
    shard.flush()
    shard.close()


def _end_with_parent() -> None:
    """Let the kernel end this process when the index host dies: nobody would ever use the copy."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
