"""Our own HTTP API, as Python calls: for the command line, for evaluation and for scripts.

Every failure is an `ApiError`, with the service's own message and a hint what to do.
"""

import httpx

from rag_service.client.corpora import CorpusCalls, FileCounts
from rag_service.client.drafts import DraftCalls
from rag_service.client.erasures import ErasureCalls
from rag_service.client.errors import ApiError
from rag_service.client.evaluations import EvaluationCalls
from rag_service.client.files import FileCalls
from rag_service.client.golden import GoldenCalls
from rag_service.client.jobs import JobCalls, JobEvent
from rag_service.client.keys import KeyCalls
from rag_service.client.questions import AskEvent, Ended, QuestionCalls, Sources, Unit
from rag_service.client.reconciliations import ReconciliationCalls
from rag_service.client.sources import SourceCalls
from rag_service.client.transport import Json, body_of
from rag_service.client.versions import VersionCalls

__all__ = ["ApiError", "AskEvent", "Client", "Ended", "FileCounts", "JobEvent", "Json", "Sources", "Unit"]


class Client(
    CorpusCalls,
    FileCalls,
    QuestionCalls,
    DraftCalls,
    VersionCalls,
    SourceCalls,
    GoldenCalls,
    JobCalls,
    ReconciliationCalls,
    ErasureCalls,
    EvaluationCalls,
    KeyCalls,
):
    """A connection to the service. One client may be used by several threads."""

    def is_ready(self) -> bool:
        """Say whether every part of the service works."""
        try:
            return self._http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def health(self) -> Json:
        """Return what /readyz says, ready or not."""
        return body_of(self._reach(lambda: self._http.get("/readyz")))
