"""What the service measures by itself, and what its operators are told of it."""

from dataclasses import dataclass
from datetime import datetime

from rag_service.domain.ids import CorpusId, TenantId

REGRESSED = "regressed questions"
"""The figure of a run after a publish: how many questions are worse off than in the version before, as a count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedCorpus:
    """A corpus that is measured by itself: something is published, and golden questions are accepted.

    `automatic` says that the automatic draft brought what is published: no gate has looked at it. The first of the
    accepted questions was written at `since`.
    """

    tenant_id: TenantId
    corpus_id: CorpusId
    published: int
    automatic: bool
    since: datetime
