"""Checks of indexes, and what the reconciler found in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import CorpusId
from rag_service.domain.index_checks import IndexCheck, IndexComparison


class IndexChecks(Protocol):
    """What is known of the index of each corpus. Calls without a scope serve every tenant: for the service itself."""

    async def begin(self, check: IndexCheck, *, last_before: datetime, given_up_before: datetime) -> bool:
        """Note that a check has begun; False, and nothing is noted, when it is not the time for it.

        That is so when one of the corpus has ended at `last_before` or later, or one of any corpus goes on that has begun
        at `given_up_before` or later: a check takes a core for minutes.

        Raises:
            NotFound: the corpus is gone.
        """

    async def end(self, check: IndexCheck) -> None:
        """Note what a check found that has begun. Of each corpus the newest hundred are kept."""

    async def give_up(self, check: IndexCheck) -> None:
        """Forget that a check has begun, so that another may."""

    async def due(self, *, last_before: datetime) -> list[IndexCheck]:
        """Return a check to begin of each published corpus of which none has ended at `last_before` or later.

        The one that waits longest comes first; `begun_at` says since when. The caller sets the moment and the engine.
        """

    async def newest(self, scope: AccessScope, corpus_id: CorpusId, *, limit: int) -> list[IndexCheck]:
        """Return the checks of a corpus that have ended, newest first; none of a corpus outside the scope."""

    async def newest_of_all(self) -> Sequence[IndexCheck]:
        """Return the newest ended check of each published corpus; one that never had any has `finished_at` None.

        Such a one begins when the corpus was made.
        """

    async def note(self, comparison: IndexComparison) -> None:
        """Keep what comparing a build came to, in the place of what was known of it. A build that is gone is left out."""

    async def comparisons(self) -> list[IndexComparison]:
        """Return what is known of every build that a published corpus is asked under."""
