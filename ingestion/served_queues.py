"""What is said to a worker on its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from rag_service.domain.work_queues import SERVED_QUEUES, WorkQueue
from rag_service.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerArguments:
    """Which queues a worker serves, and in how many processes, if that is said."""

    queues: frozenset[WorkQueue]
    concurrency: int | None


def read_arguments(program: str, arguments: Sequence[str] | None) -> WorkerArguments:
    """Read the command line, that of the process when `arguments` is None.

    Raises:
        Misconfigured: there is no such queue, or no process is to be started.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {program}")
    parser.add_argument("--queues", default=",".join(sorted(SERVED_QUEUES)))
    parser.add_argument("--concurrency", type=int, default=None)
    given = parser.parse_args(arguments)
    return WorkerArguments(queues=queues_named(given.queues), concurrency=_at_least_one(given.concurrency))


def queues_named(names: str) -> frozenset[WorkQueue]:
    """Return the queues of a list with commas.

    Raises:
        Misconfigured: there is no such queue.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = sorted(set(wanted) - {queue.value for queue in SERVED_QUEUES})
    if unknown or not wanted:
        there_are = ", ".join(sorted(SERVED_QUEUES))
        raise Misconfigured(f"--queues {names}: there is no such queue. There are {there_are}.")
    return frozenset(map(WorkQueue, wanted))


def _at_least_one(concurrency: int | None) -> int | None:
    if concurrency is not None and concurrency < 1:
        raise Misconfigured(f"--concurrency {concurrency}: a worker needs one process at least.")
    return concurrency
