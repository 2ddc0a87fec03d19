"""The catalog in SQLite or PostgreSQL."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.answers import SqlAnswers
from rag_service.catalog.builds import SqlBuilds
from rag_service.catalog.chunks import SqlChunks
from rag_service.catalog.corpora import SqlCorpora
from rag_service.catalog.database import Database, connect
from rag_service.catalog.documents import SqlDocuments
from rag_service.catalog.drafts import SqlDrafts
from rag_service.catalog.erasures import SqlErasures
from rag_service.catalog.eval_runs import SqlEvalRuns
from rag_service.catalog.evaluation_watch import SqlEvaluationWatch
from rag_service.catalog.files import SqlFiles
from rag_service.catalog.gates import SqlGates
from rag_service.catalog.golden_questions import SqlGoldenQuestions
from rag_service.catalog.index_checks import SqlIndexChecks
from rag_service.catalog.index_routes import SqlIndexRoutes
from rag_service.catalog.jobs import SqlJobs
from rag_service.catalog.kept_vectors import SqlKeptVectors
from rag_service.catalog.keys import SqlKeys
from rag_service.catalog.live_answers import SqlLiveAnswers
from rag_service.catalog.points import SqlPoints
from rag_service.catalog.replies import SqlIdempotentReplies
from rag_service.catalog.retention import SqlRetentions
from rag_service.catalog.source_runs import SqlSourceRuns
from rag_service.catalog.sources import SqlSources
from rag_service.catalog.tables import metadata
from rag_service.catalog.uploads import SqlUploads
from rag_service.catalog.versions import SqlVersions
from rag_service.catalog.workers import SqlWorkers
from rag_service.ports import catalog as ports

Clock = Callable[[], datetime]


@dataclass(slots=True)
class SqlGlance:
    """What every question looks at: making the rest as well costs a tenth of a look."""

    keys: ports.Keys
    corpora: ports.Corpora
    chunks: ports.Chunks


@dataclass(slots=True)
class SqlTransaction(SqlGlance):
    """The repositories, all on one connection."""

    files: ports.Files
    documents: ports.Documents
    drafts: ports.Drafts
    versions: ports.Versions
    builds: ports.Builds
    points: ports.Points
    retentions: ports.Retentions
    jobs: ports.Jobs
    workers: ports.Workers
    uploads: ports.Uploads
    answers: ports.Answers
    erasures: ports.Erasures
    sources: ports.Sources
    source_runs: ports.SourceRuns
    golden: ports.GoldenQuestions
    eval_runs: ports.EvalRuns
    gates: ports.Gates
    evaluation_watch: ports.EvaluationWatch
    live: ports.LiveAnswers
    index_checks: ports.IndexChecks
    index_routes: ports.IndexRoutes
    replies: ports.IdempotentReplies


class SqlCatalog:
    """Implements `ports.catalog.Catalog`. `kept_vectors` are in the same database, in their own transactions."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.kept_vectors = SqlKeptVectors(database)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ports.Transaction]:
        """Open a transaction that sees one state and writes nothing."""
        async with self._database.reading() as connection:
            yield _transaction(connection, self._clock)

    @asynccontextmanager
    async def glancing(self) -> AsyncIterator[ports.Glance]:
        """Open what costs less than `reading`; see the port."""
        async with self._database.glancing() as connection:
            yield SqlGlance(keys=SqlKeys(connection), corpora=SqlCorpora(connection), chunks=SqlChunks(connection))

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[ports.Transaction]:
        """Open a transaction that commits when the block ends and rolls back when it raises."""
        async with self._database.writing() as connection:
            yield _transaction(connection, self._clock)

    async def compact(self) -> Sequence[str]:
        """See `ports.eraser.Compacts`."""
        return await self._database.compact([table.name for table in metadata.sorted_tables])


def utc_now() -> datetime:
    """Return this moment."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_catalog(url: str, *, pool_size: int = 5, clock: Clock = utc_now) -> AsyncIterator[SqlCatalog]:
    """Open the catalog at a SQLAlchemy URL whose schema is up to date (see migrating.py)."""
    database = connect(url, pool_size=pool_size)
    try:
        yield SqlCatalog(database, clock=clock)
    finally:
        await database.close()


def _transaction(connection: AsyncConnection, clock: Clock) -> SqlTransaction:
    return SqlTransaction(
        keys=SqlKeys(connection),
        files=SqlFiles(connection),
        corpora=SqlCorpora(connection),
        documents=SqlDocuments(connection, clock),
        chunks=SqlChunks(connection),
        drafts=SqlDrafts(connection, clock),
        versions=SqlVersions(connection),
        builds=SqlBuilds(connection),
        points=SqlPoints(connection),
        retentions=SqlRetentions(connection),
        jobs=SqlJobs(connection),
        workers=SqlWorkers(connection),
        uploads=SqlUploads(connection),
        answers=SqlAnswers(connection),
        erasures=SqlErasures(connection),
        sources=SqlSources(connection),
        source_runs=SqlSourceRuns(connection),
        golden=SqlGoldenQuestions(connection),
        eval_runs=SqlEvalRuns(connection),
        gates=SqlGates(connection),
        evaluation_watch=SqlEvaluationWatch(connection),
        live=SqlLiveAnswers(connection),
        index_checks=SqlIndexChecks(connection),
        index_routes=SqlIndexRoutes(connection),
        replies=SqlIdempotentReplies(connection, clock),
    )
