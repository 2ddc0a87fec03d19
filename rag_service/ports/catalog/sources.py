"""Sources of corpora, what they hold, and the runs that synchronise them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId, DocumentId, DraftId, ErasureId, RunId, SourceId
from rag_service.domain.pages import Page, PageRequest
from rag_service.domain.sync import ChangeState, RunState, Source, SourceChange, SourceItem, SourceRun
from rag_service.domain.versions import Member
from rag_service.reasons import ReasonCode


class Sources(Protocol):
    """Sources of corpora in scope; another's is NotFound."""

    async def add(self, scope: AccessScope, source: Source) -> None:
        """Add a source; Conflict when one of the corpus has its name."""

    async def get(self, scope: AccessScope, source_id: SourceId, *, hold: bool = False) -> Source:
        """Return a source, or raise NotFound. `hold`, in a writing transaction: nobody starts a run before it ends."""

    async def named(self, scope: AccessScope, corpus_id: CorpusId, ref: str) -> Source:
        """Return the source of a corpus with this id or name, or raise NotFound."""

    async def scheduled(self) -> list[Source]:
        """Return the sources of all tenants that have a schedule; those of a corpus that is erased are left out."""

    async def change(self, scope: AccessScope, source: Source) -> None:
        """Replace settings, credentials, schedule and publishing of a source."""

    async def remove(self, scope: AccessScope, source_id: SourceId) -> None:
        """Remove a source with its runs; its documents stay. Conflict while a run is open."""

    async def items(self, scope: AccessScope, source_id: SourceId) -> dict[str, SourceItem]:
        """Return what the applied runs of a source left, by key."""

    async def published(self, scope: AccessScope, source_id: SourceId) -> dict[str, Member]:
        """Return what is published of documents that came from a source, by the key of their item."""

    async def foreign(self, scope: AccessScope, source_id: SourceId, keys: Collection[str]) -> frozenset[str]:
        """Return which of these document keys have newest content, published or about to be, that is not the source's."""

    async def bar(self, scope: AccessScope, corpus_id: CorpusId, key_hash: str, erasure_id: ErasureId) -> None:
        """Note that no source brings the document of this keyed hash again. Safe to repeat."""

    async def barred(self, scope: AccessScope, corpus_id: CorpusId) -> frozenset[str]:
        """Return the keyed hashes of the documents of a corpus that no source brings again."""

    async def list(self, scope: AccessScope, corpus_id: CorpusId) -> list[Source]:
        """Return the sources of a corpus, by name."""


class SourceRuns(Protocol):
    """Runs of sources in scope. A run in `draft` ends with it, in the transaction that publishes or discards it."""

    async def add(self, scope: AccessScope, run: SourceRun) -> None:
        """Add a run, and note in its source when it was, unless it is a dry run. Runs of long ago are forgotten.

        Raises:
            Conflict: a run of the source is open; or this one is to change something, and the draft of an earlier one
                is not published or discarded yet.
        """

    async def get(self, scope: AccessScope, run_id: RunId) -> SourceRun:
        """Return a run, or raise NotFound."""

    async def latest(self, scope: AccessScope, source_ids: Collection[SourceId]) -> dict[SourceId, SourceRun]:
        """Return the newest run of each source that has one."""

    async def note(self, scope: AccessScope, run: SourceRun) -> None:
        """Replace state, counts, draft, error and moments of a run that is not at its end; another is left as it is."""

    async def add_changes(self, scope: AccessScope, run_id: RunId, changes: Sequence[SourceChange]) -> None:
        """Add lines to the plan of a run."""

    async def changes(
        self,
        scope: AccessScope,
        run_id: RunId,
        *,
        state: ChangeState | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[SourceChange]:
        """Return the plan of a run by key, all of it or what is in one state, `limit` at a time.

        Lines about documents that the scope may not see are left out.
        """

    async def note_changes(self, scope: AccessScope, run_id: RunId, changes: Sequence[SourceChange]) -> None:
        """Replace lines of a plan; those that are no longer in it are left out."""

    async def forget_undone(self, scope: AccessScope, run_id: RunId) -> None:
        """Take what is planned, or failed and is to be tried again, out of a plan."""

    async def forget_changes(self, scope: AccessScope, run_id: RunId, keys: Collection[str]) -> None:
        """Take lines out of a plan."""

    async def take_over(self, scope: AccessScope, run_id: RunId) -> None:
        """Make what a run did, and what failed for good, the state of its source. Safe to repeat."""

    async def pending(self, scope: AccessScope, draft_id: DraftId) -> int:
        """Return how many revisions of a draft are still being prepared."""

    async def failures(self, scope: AccessScope, draft_id: DraftId) -> dict[DocumentId, ReasonCode | None]:
        """Return the documents of a draft whose revision could not be prepared, and why."""

    async def end(
        self, scope: AccessScope, run_id: RunId, state: RunState, *, error: str | None, now: datetime
    ) -> None:
        """End an open run for good and discard its draft if that is open; a run at its end is left as it is."""

    async def list(self, scope: AccessScope, source_id: SourceId, page: PageRequest) -> Page[SourceRun]:
        """Return the runs of a source by time."""
