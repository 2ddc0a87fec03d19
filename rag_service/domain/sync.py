"""Sources of a corpus, and the runs that bring the corpus to what they hold."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from rag_service.domain.ids import CorpusId, DocumentId, DraftId, KeyId, RunId, SourceId, TenantId
from rag_service.domain.sources import SourceSettings

SOURCE = "source"
"""The attribute that says from which source a document came, by the source's name."""

KEY_SEPARATOR = ":"
"""Between the name of a source, which has none, and the key of an item: together they are the document's key."""


class Publishing(StrEnum):
    """What becomes of the draft of a run: it is published when it is ready, or left for a person."""

    AUTOMATIC = "automatic"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where documents of a corpus come from besides uploads. `credentials` are encrypted; of them people see names only.

    `every_s` is the pause between two runs, None when only people start them.
    """

    id: SourceId
    tenant_id: TenantId
    corpus_id: CorpusId
    name: str
    settings: SourceSettings
    credentials: bytes | None = field(repr=False)
    credential_names: frozenset[str]
    every_s: int | None
    publish: Publishing
    created_at: datetime
    updated_at: datetime
    last_run_at: datetime | None

    def document_key(self, key: str) -> str:
        """Return the key of the document that an item becomes."""
        return f"{self.name}{KEY_SEPARATOR}{key}"

    def is_due(self, now: datetime) -> bool:
        """Say whether it is time for a run. A last run in the future was noted by a clock that was wrong."""
        if self.every_s is None:
            return False
        return self.last_run_at is None or not timedelta() <= now - self.last_run_at < timedelta(seconds=self.every_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceItem:
    """What a source held, as its last applied run left it, and the revision of a document that was made of it.

    `number` is None when no revision could be made of it; `document_id` is None when there is not even a document.
    """

    key: str
    revision: str
    content_id: str | None
    size_bytes: int | None
    document_id: DocumentId | None
    number: int | None


class ChangeKind(StrEnum):
    """What a run does about an item. Left: the place from which a renamed item went away."""

    NEW = "new"
    CHANGED = "changed"
    RENAMED = "renamed"
    DELETED = "deleted"
    LEFT = "left"


BRINGING = frozenset({ChangeKind.NEW, ChangeKind.CHANGED, ChangeKind.RENAMED})
REMOVING = frozenset({ChangeKind.DELETED, ChangeKind.LEFT})


class ChangeState(StrEnum):
    """How far a change is. Seen: it failed, and the same content would fail again."""

    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"
    SEEN = "seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChange:
    """One line of a run's plan. `problem` says in words, without any of the item's, why it failed."""

    key: str
    kind: ChangeKind
    filename: str = ""
    revision: str = ""
    content_id: str | None = None
    size_bytes: int | None = None
    renamed_from: str | None = None
    document_id: DocumentId | None = None
    number: int | None = None
    state: ChangeState = ChangeState.PLANNED
    problem: str | None = None


class RunState(StrEnum):
    """How far a run is.

    Queued: it waits for a worker. Running: it lists and fetches. Preparing: its documents are read. Publishing: its
    draft is sealed. Held: its draft waits for a person. The others are ends. Planned: it was to tell what it would do.
    Needs force: it would delete so much that a person has to say so.
    """

    QUEUED = "queued"
    RUNNING = "running"
    PREPARING = "preparing"
    PUBLISHING = "publishing"
    HELD = "held"
    APPLIED = "applied"
    UNCHANGED = "unchanged"
    PLANNED = "planned"
    NEEDS_FORCE = "needs_force"
    DISCARDED = "discarded"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_RUNS = frozenset({RunState.QUEUED, RunState.RUNNING, RunState.PREPARING, RunState.PUBLISHING})
"""A job works on a run in one of these; a source has one of them."""

UNSETTLED_RUNS = OPEN_RUNS | {RunState.HELD}
"""The draft of a run in one of these, if it has one, can still be published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    """How many items.

    Unchanged ones are looked at and left; erased ones were erased from the corpus and stay out, unusable ones have a
    name that cannot be kept.
    """

    new: int = 0
    changed: int = 0
    renamed: int = 0
    deleted: int = 0
    unchanged: int = 0
    failed: int = 0
    erased: int = 0
    unusable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRun:
    """One synchronisation of a source, or with `dry_run` only its plan.

    `force`: also what people took back is brought again, and however much would be deleted. `asked_by` is the key
    that asked for it, None when the schedule did. `error` is for people.
    """

    id: RunId
    source_id: SourceId
    tenant_id: TenantId
    dry_run: bool
    force: bool
    asked_by: KeyId | None
    created_at: datetime
    state: RunState = RunState.QUEUED
    counts: RunCounts = RunCounts()
    draft_id: DraftId | None = None
    error: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
