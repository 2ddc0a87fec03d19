"""Every corpus with golden questions is measured once a night."""

from datetime import datetime, timedelta

from rag_service.domain.access import AccessScope
from rag_service.domain.evaluation_watch import WatchedCorpus
from rag_service.domain.evaluations import RunPurpose
from rag_service.ports.catalog import Transaction

_DAY = timedelta(days=1)


class Nightly:
    """A night is the 24 hours from `at` (HH:MM, UTC) on: a run is due that none was begun in, however late it is.

    What a corpus got after a night's beginning is measured in the next one.
    """

    purpose = RunPurpose.NIGHTLY

    def __init__(self, at: str) -> None:
        self._at = at

    def ref(self, corpus: WatchedCorpus) -> None:
        """Measure what is published when it begins."""

    async def is_due(self, tx: Transaction, scope: AccessScope, corpus: WatchedCorpus, now: datetime) -> bool:
        """Say whether the corpus had no run in this night."""
        night = night_of(now, at=self._at)
        if corpus.since >= night:
            return False
        # An interval, not "since": what a clock that was wrong dated into the future keeps no night from its run.
        return not await tx.evaluation_watch.last(
            scope, corpus.corpus_id, self.purpose, since=night, before=night + _DAY
        )


def night_of(now: datetime, *, at: str) -> datetime:
    """Return when the night began that `now` is in."""
    hour, minute = map(int, at.split(":"))
    night = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return night if night <= now else night - _DAY
