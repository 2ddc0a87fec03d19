"""The catalog: the SQL truth about tenants, documents, versions, jobs and answers.

A use case opens one transaction, calls its repositories, and closes it. Every repository call takes
the caller's scope: a row of another tenant, outside the scope's corpora or not granted to its principals is
NotFound, exactly like an absent one. Rules every backend keeps: tests/contract/test_catalog.py.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from rag_service.ports.catalog.access import Keys
from rag_service.ports.catalog.answers import Answers, IdempotentReplies
from rag_service.ports.catalog.builds import Builds
from rag_service.ports.catalog.documents import Chunks, Documents, Files, Uploads
from rag_service.ports.catalog.drafts import Drafts
from rag_service.ports.catalog.erasures import Erasures
from rag_service.ports.catalog.evaluation_watch import EvaluationWatch
from rag_service.ports.catalog.evaluations import EvalRuns, Gates, GoldenQuestions
from rag_service.ports.catalog.index_checks import IndexChecks
from rag_service.ports.catalog.index_routes import IndexRoutes
from rag_service.ports.catalog.jobs import Jobs, Workers
from rag_service.ports.catalog.live import LiveAnswers
from rag_service.ports.catalog.points import Points
from rag_service.ports.catalog.retention import Retentions
from rag_service.ports.catalog.sources import SourceRuns, Sources
from rag_service.ports.catalog.versions import Corpora, Versions

__all__ = [
    "Answers",
    "Builds",
    "Catalog",
    "Chunks",
    "Corpora",
    "Documents",
    "Drafts",
    "Erasures",
    "EvalRuns",
    "EvaluationWatch",
    "Files",
    "Gates",
    "Glance",
    "GoldenQuestions",
    "IdempotentReplies",
    "IndexChecks",
    "IndexRoutes",
    "Jobs",
    "Keys",
    "LiveAnswers",
    "Points",
    "Retentions",
    "SourceRuns",
    "Sources",
    "Transaction",
    "Uploads",
    "Versions",
    "Workers",
]


class Glance(Protocol):
    """The repositories that every question looks at, on one connection and in no transaction."""

    keys: Keys
    corpora: Corpora
    chunks: Chunks


class Transaction(Glance, Protocol):
    """The repositories, all in one database transaction."""

    files: Files
    documents: Documents
    drafts: Drafts
    versions: Versions
    builds: Builds
    points: Points
    retentions: Retentions
    jobs: Jobs
    workers: Workers
    uploads: Uploads
    answers: Answers
    erasures: Erasures
    sources: Sources
    source_runs: SourceRuns
    golden: GoldenQuestions
    eval_runs: EvalRuns
    gates: Gates
    evaluation_watch: EvaluationWatch
    live: LiveAnswers
    index_checks: IndexChecks
    index_routes: IndexRoutes
    replies: IdempotentReplies


class Catalog(Protocol):
    """Opens transactions.

    Raises:
        CatalogUnavailable: the database cannot be reached, or stayed locked.
    """

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that sees one state and writes nothing."""

    def glancing(self) -> AbstractAsyncContextManager[Glance]:
        """Take a single look: it writes nothing, and what comes later in it may see a later state.

        Without a beginning and an end of its own it costs half of `reading`, or less: for what every question does.
        """

    def writing(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that commits when the block ends and rolls back when it raises."""
