"""Which jobs a loop of the worker takes, so that what a person waits for is not behind what takes hours."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from rag_service.domain.jobs import JobKind, Priority

SMALL_BYTES = 2**20
"""Files up to this size are prepared together, and soon enough for a person to wait for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Some of the jobs. `only_small` leaves large files, and those whose reading ended badly before."""

    kinds: frozenset[JobKind]
    priorities: Collection[Priority] = tuple(Priority)
    only_small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What one loop works off, one job or batch at a time: the first queue in which something is due comes first."""

    name: str
    queues: tuple[Queue, ...]

    @property
    def kinds(self) -> frozenset[JobKind]:
        """The kinds of jobs that are taken at all."""
        return frozenset[JobKind]().union(*(queue.kinds for queue in self.queues))

    def only(self, kinds: frozenset[JobKind]) -> "Lane":
        """Return the lane without jobs of other kinds."""
        left = (replace(queue, kinds=queue.kinds & kinds) for queue in self.queues)
        return replace(self, queues=tuple(queue for queue in left if queue.kinds))


# Sealing first: it makes visible what many small uploads are waiting for.
_DRAFTS = Queue(kinds=frozenset({JobKind.SEAL_DRAFT, JobKind.UNSEAL_DRAFT}))
_REVISIONS = frozenset({JobKind.PREPARE_REVISION})
# A build is filled in turns, with the lowest priority: uploads come in between.
_LONG = _REVISIONS | {JobKind.FILL_BUILD, JobKind.EMBED_CHUNKS}

# Nobody waits for it to see less: what is to be erased is hidden already. It may take as long as a large document.
_ERASURES = Queue(kinds=frozenset({JobKind.ERASE}))

INTERACTIVE = Lane(
    name="interactive",
    queues=(_DRAFTS, Queue(kinds=_REVISIONS, priorities=(Priority.PERSON,), only_small=True)),
)
BULK = Lane(
    name="bulk",
    queues=(
        _ERASURES,
        Queue(kinds=_LONG),
    ),
)
# A source is waited for most of the time: what it has brought is prepared by the others meanwhile.
_SOURCES = Queue(kinds=frozenset({JobKind.SYNC_SOURCE}))
SOURCES = Lane(name="sources", queues=(_SOURCES,))

EVERYTHING = Lane(name="everything", queues=(_DRAFTS, _ERASURES, Queue(kinds=_LONG), _SOURCES))
"""For a worker with one loop."""

LANES = (INTERACTIVE, BULK, SOURCES)
