"""/v1/corpora/{corpus}/sources: where documents of a corpus come from besides uploads."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.job_reply import JobOut, reply_about
from rag_service.api.lists import Asked, ItemList, Listed, item_list
from rag_service.api.texts import Name, Ref, Text
from rag_service.domain.ids import RunId
from rag_service.domain.sources import as_values
from rag_service.domain.sync import Publishing, Source, SourceChange, SourceRun
from rag_service.use_cases.sources.manage import MAX_SHOWN_CHANGES, SourceChanges

router = APIRouter(prefix="/v1/corpora/{corpus}/sources", tags=["sources"], route_class=RepeatableRoute)

Settings = dict[Name, JsonValue]
Credentials = dict[Name, Text]
Pause = Annotated[int, Field(ge=0, le=366 * 24 * 3600, strict=True)]


class NewSource(BaseModel):
    """A source to be set up. `settings` depend on its kind; `credentials` are kept encrypted and never shown again.

    It is run every `every_s` seconds, or with 0 only when somebody starts it. With `publish` "hold" what a run brings
    stays in a draft until somebody publishes that.
    """

    model_config = ConfigDict(extra="forbid")

    name: Name
    kind: Name
    settings: Settings
    credentials: Credentials = Field(default_factory=dict)
    every_s: Pause = 0
    publish: Publishing = Publishing.AUTOMATIC


class ChangedSource(BaseModel):
    """What is to be another way. `settings` replace single ones, `credentials` all of them; null leaves things as they are."""

    model_config = ConfigDict(extra="forbid")

    settings: Settings | None = None
    credentials: Credentials | None = None
    every_s: Pause | None = None
    publish: Publishing | None = None


class NewRun(BaseModel):
    """A run to be started: only told with `dry_run`; with `force` also what it takes a person to want.

    That is: deleting more than half of the source, and bringing again what a rollback or a discarded draft took back.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    dry_run: bool = False
    force: bool = False


class CountsOut(BaseModel):
    """How many items of each sort. Erased ones were erased from the corpus; the name of unusable ones cannot be kept."""

    new: int
    changed: int
    renamed: int
    deleted: int
    unchanged: int
    failed: int
    erased: int
    unusable: int


class RunOut(Listed):
    """A synchronisation. `state` says how far it is or how it ended, `error` what a person should know about that."""

    object: Literal["corpus.source.run"] = "corpus.source.run"
    source_id: str
    dry_run: bool
    force: bool
    state: str
    counts: CountsOut
    draft_id: str | None
    error: str | None
    created_at: int
    started_at: int | None
    finished_at: int | None


class SourceOut(Listed):
    """A source. `credentials` are the names of those that are set."""

    object: Literal["corpus.source"] = "corpus.source"
    corpus_id: str
    name: str
    kind: str
    settings: dict[str, Any]
    credentials: list[str]
    every_s: int
    publish: str
    created_at: int
    updated_at: int
    last_run: RunOut | None


class ChangeOut(BaseModel):
    """A line of a plan. `problem` says why an item stayed out, and what can be done about it."""

    object: Literal["corpus.source.change"] = "corpus.source.change"
    key: str
    kind: str
    renamed_from: str | None
    state: str
    document_id: str | None
    problem: str | None


class RunWithPlan(RunOut):
    """A run and the first lines of its plan, by key. `is_cut`: there are more."""

    changes: list[ChangeOut]
    is_cut: bool


class StartedRun(BaseModel):
    """A run that is asked for, and the job that carries it out."""

    object: Literal["corpus.source.started_run"] = "corpus.source.started_run"
    run: RunOut
    job: JobOut


class SourceRemoved(BaseModel):
    """A source that is gone; its documents stay in the corpus."""

    id: str
    object: Literal["corpus.source.deleted"] = "corpus.source.deleted"
    deleted: bool = True


@router.get("")
async def list_sources(parts: Parts, scope: Scope, corpus: Ref) -> ItemList[SourceOut]:
    """List the sources of a corpus by name, each with its newest run."""
    found = await parts.sources.list(scope, corpus=corpus)
    return item_list([source_out(source, run) for source, run in found], has_more=False)


@router.post("")
async def create_source(parts: Parts, scope: Scope, corpus: Ref, body: NewSource) -> SourceOut:
    """Set up a source; only for admins. Nothing is fetched before its first run."""
    given = SourceChanges(
        settings=body.settings, credentials=body.credentials, every_s=body.every_s, publish=body.publish
    )
    return source_out(await parts.sources.create(scope, corpus=corpus, name=body.name, kind=body.kind, given=given))


@router.get("/{source}")
async def read_source(parts: Parts, scope: Scope, corpus: Ref, source: Ref) -> SourceOut:
    """Describe a source, by id or name."""
    return source_out(*await parts.sources.get(scope, corpus=corpus, source=source))


@router.patch("/{source}")
async def change_source(parts: Parts, scope: Scope, corpus: Ref, source: Ref, body: ChangedSource) -> SourceOut:
    """Change a source; only for admins. Its name and kind stay."""
    changes = SourceChanges(
        settings=body.settings, credentials=body.credentials, every_s=body.every_s, publish=body.publish
    )
    await parts.sources.change(scope, corpus=corpus, source=source, changes=changes)
    return source_out(*await parts.sources.get(scope, corpus=corpus, source=source))


@router.delete("/{source}")
async def remove_source(parts: Parts, scope: Scope, corpus: Ref, source: Ref) -> SourceRemoved:
    """Remove a source; only for admins. Its documents stay."""
    return SourceRemoved(id=await parts.sources.remove(scope, corpus=corpus, source=source))


@router.get("/{source}/runs")
async def list_runs(parts: Parts, scope: Scope, corpus: Ref, source: Ref, page: Asked) -> ItemList[RunOut]:
    """List the runs of a source by time."""
    found = await parts.sources.runs(scope, corpus=corpus, source=source, page=page)
    return item_list([run_out(run) for run in found.items], has_more=found.has_more)


@router.post("/{source}/runs", status_code=202)
async def start_run(parts: Parts, scope: Scope, corpus: Ref, source: Ref, body: NewRun) -> StartedRun:
    """Synchronise a source, in the background. To force it takes the right to publish."""
    run, job = await parts.sources.start_run(
        scope, corpus=corpus, source=source, dry_run=body.dry_run, force=body.force
    )
    return StartedRun(run=run_out(run), job=await reply_about(parts.jobs, scope, job.id))


@router.get("/{source}/runs/{run}")
async def read_run(parts: Parts, scope: Scope, corpus: Ref, source: Ref, run: Ref) -> RunWithPlan:
    """Describe a run with its plan: what it does, or with a dry run what it would do."""
    found, changes = await parts.sources.run(scope, corpus=corpus, source=source, run_id=RunId(run))
    shown = [_change(change) for change in changes]
    return RunWithPlan(**run_out(found).model_dump(), changes=shown, is_cut=len(shown) == MAX_SHOWN_CHANGES)


def source_out(source: Source, last_run: SourceRun | None = None) -> SourceOut:
    """Return a source as it is written in replies: never with its credentials."""
    return SourceOut(
        id=source.id,
        corpus_id=source.corpus_id,
        name=source.name,
        kind=source.settings.kind,
        settings=as_values(source.settings),
        credentials=sorted(source.credential_names),
        every_s=source.every_s or 0,
        publish=source.publish.value,
        created_at=int(source.created_at.timestamp()),
        updated_at=int(source.updated_at.timestamp()),
        last_run=run_out(last_run) if last_run else None,
    )


def run_out(run: SourceRun) -> RunOut:
    """Return a run as it is written in replies."""
    return RunOut(
        id=run.id,
        source_id=run.source_id,
        dry_run=run.dry_run,
        force=run.force,
        state=run.state.value,
        counts=CountsOut(**asdict(run.counts)),
        draft_id=run.draft_id,
        error=run.error,
        created_at=int(run.created_at.timestamp()),
        started_at=_seconds(run.started_at),
        finished_at=_seconds(run.finished_at),
    )


def _change(change: SourceChange) -> ChangeOut:
    return ChangeOut(
        key=change.key,
        kind=change.kind.value,
        renamed_from=change.renamed_from,
        state=change.state.value,
        document_id=change.document_id,
        problem=change.problem,
    )


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
