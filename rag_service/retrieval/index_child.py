"""Long work on copies of shards, away from the process that serves them.

`python -m rag_service.retrieval.index_child PARENT optimise FOLDER EXACT_BELOW GRAPH`
`python -m rag_service.retrieval.index_child PARENT fill SOURCE TARGET EXACT_BELOW GRAPH`

GRAPH are the parameters of the graph, in JSON.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

from rag_service.domain.index_advice import GraphParameters
from rag_service.retrieval.edge_shard import Shard
from rag_service.retrieval.index_room import require_room

_PR_SET_PDEATHSIG = 1
_OPERATIONS_PER_FLUSH = 10


def main() -> None:
    """Do what the arguments say."""
    parent, task, *arguments = sys.argv[1:]
    _end_with(int(parent))
    os.nice(10)
    match task, arguments:
        case "optimise", [folder, exact_below, graph]:
            optimise(Path(folder), exact_below=int(exact_below), graph=GraphParameters(**json.loads(graph)))
        case "fill", [source, target, exact_below, graph]:
            fill(Path(source), Path(target), exact_below=int(exact_below), graph=GraphParameters(**json.loads(graph)))
        case _:
            sys.exit(f"no such task: {task} {arguments}")


def optimise(folder: Path, *, exact_below: int, graph: GraphParameters) -> None:
    """Build the search structures of a shard that nobody else has open."""
    shard = Shard.load_to_rebuild(folder, exact_below=exact_below, graph=graph)
    shard.optimise()
    shard.flush()
    shard.close()


def fill(source: Path, target: Path, *, exact_below: int, graph: GraphParameters) -> None:
    """Write the points that `source` has, and no trace of those it had, into a new shard."""
    full = Shard.load(source)
    fresh = Shard.create(target, dimensions=full.dimensions, exact_below=exact_below, graph=graph)
    for number, operation in enumerate(full.rewriting(), start=1):
        require_room(target)
        fresh.apply(operation)
        if number % _OPERATIONS_PER_FLUSH == 0:
            # The log is cut off behind what is flushed.
            fresh.flush()
    fresh.flush()
    if fresh.count() != full.count():
        sys.exit(f"{fresh.count()} of {full.count()} points came over")
    fresh.close()
    full.close()


def _end_with(parent: int) -> None:
    """Let the kernel end this process when the index host dies: nobody would ever use the copy."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the index host has ended")


if __name__ == "__main__":
    main()
