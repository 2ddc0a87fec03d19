"""The queues through which scaled-out workers hear of jobs, and which kind of job belongs to which."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from rag_service.domain.jobs import JobKind


class WorkQueue(StrEnum):
    """Jobs that need the same kind of machine."""

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
    JobKind.EVALUATE_DRAFT: WorkQueue.EVAL,
    JobKind.RUN_SUITE: WorkQueue.EVAL,
}
"""The one place that routes: every kind of job is here."""

SERVED_QUEUES = frozenset(QUEUE_OF.values()) - {WorkQueue.EVAL}
"""The queues of ingestion's workers. Evaluation workers look at the job table: a run takes minutes, a look at it nothing."""


def queues_of(kinds: Collection[JobKind]) -> frozenset[WorkQueue]:
    """Return the queues to which jobs of these kinds belong."""
    return frozenset(QUEUE_OF[kind] for kind in kinds)


def kinds_of(queues: Collection[WorkQueue]) -> frozenset[JobKind]:
    """Return the kinds of jobs that belong to these queues."""
    return frozenset(kind for kind, queue in QUEUE_OF.items() if queue in queues)
