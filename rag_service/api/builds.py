"""/v1/corpora/{corpus}/builds: under which settings a corpus is built, and building it under those of the service."""

from typing import Literal

from fastapi import APIRouter, status

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.job_reply import JobOut, reply_about
from rag_service.api.lists import ItemList, Listed, item_list
from rag_service.api.texts import Ref
from rag_service.use_cases.builds import SeenBuild

router = APIRouter(prefix="/v1/corpora/{corpus}/builds", tags=["builds"], route_class=RepeatableRoute)


class BuildOut(Listed):
    """The points of a corpus under one embedding model and one way of cutting; `id` is the fingerprint of these.

    `current` says that questions are answered from it, `own` that it is the one the service is configured for. While
    it is filled, `done` of `total` documents have their points. `synced` is the last version it has all points of.
    """

    object: Literal["corpus.build"] = "corpus.build"
    corpus_id: str
    state: str
    current: bool
    own: bool
    model: str | None
    dimensions: int | None
    target_tokens: int | None
    since: int
    synced: int
    done: int
    total: int | None
    created_at: int


@router.get("")
async def list_builds(parts: Parts, scope: Scope, corpus: Ref) -> ItemList[BuildOut]:
    """List the builds, oldest first."""
    builds = await parts.builds.list(scope, corpus=corpus)
    return item_list([build_out(build) for build in builds], has_more=False)


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def rebuild(parts: Parts, scope: Scope, corpus: Ref) -> JobOut:
    """Have the corpus built under the settings of the service, beside the build that serves, and switched when ready."""
    job = await parts.builds.rebuild(scope, corpus=corpus)
    return await reply_about(parts.jobs, scope, job.id)


def build_out(seen: SeenBuild) -> BuildOut:
    """Return a build as it is sent."""
    build = seen.build
    embedder, chunker = build.recipe.get("embedder", {}), build.recipe.get("chunker", {})
    return BuildOut(
        id=build.fingerprint,
        corpus_id=build.corpus_id,
        state=build.state.value,
        current=seen.is_published,
        own=seen.is_own,
        model=embedder.get("model"),
        dimensions=embedder.get("dimensions"),
        target_tokens=chunker.get("target_tokens"),
        since=build.since,
        synced=build.synced,
        done=build.done,
        total=build.total,
        created_at=int(build.created_at.timestamp()),
    )
