"""The queues through which scaled-out workers hear of jobs, and which kind of job belongs to which."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from rag_service.domain.jobs import JobKind


class WorkQueue(StrEnum):
    """Jobs that need the same kind of machine. `eval` is there for evaluations, which have no jobs yet."""

    PARSE = "parse"
    EMBED = "embed"
    INDEX = "index"
    EVAL = "eval"


QUEUE_OF: Mapping[JobKind, WorkQueue] = {
    JobKind.PREPARE_REVISION: WorkQueue.PARSE,
    JobKind.SYNC_SOURCE: WorkQueue.PARSE,
    JobKind.FILL_BUILD: WorkQueue.EMBED,
    JobKind.EMBED_CHUNKS: WorkQueue.EMBED,
    JobKind.SEAL_DRAFT: WorkQueue.INDEX,
    JobKind.UNSEAL_DRAFT: WorkQueue.INDEX,
    JobKind.ERASE: WorkQueue.INDEX,
}
"""The one place that routes: every kind of job is here."""

SERVED_QUEUES = frozenset(QUEUE_OF.values())
"""The queues that have jobs, and so need a worker."""


def queues_of(kinds: Collection[JobKind]) -> frozenset[WorkQueue]:
    """Return the queues to which jobs of these kinds belong."""
    return frozenset(QUEUE_OF[kind] for kind in kinds)


def kinds_of(queues: Collection[WorkQueue]) -> frozenset[JobKind]:
    """Return the kinds of jobs that belong to these queues."""
    return frozenset(kind for kind, queue in QUEUE_OF.items() if queue in queues)
