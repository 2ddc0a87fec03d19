"""/v1/corpora/{corpus}/versions: what there is, what differs, and what is published."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.drafts import Notes
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.lists import Asked, ItemList, Listed, item_list
from rag_service.api.texts import Name, Ref
from rag_service.api.version_differences import (
    DocumentDifferenceOut,
    VersionDifferenceOut,
    document_difference_out,
    version_difference_out,
)
from rag_service.domain.ids import DocumentId
from rag_service.domain.versions import LabelledVersion, Publication

LARGEST_NUMBER = 2**31 - 1

router = APIRouter(prefix="/v1/corpora/{corpus}", tags=["versions"], route_class=RepeatableRoute)

Number = Annotated[int, Path(ge=1, le=LARGEST_NUMBER)]
Compared = Annotated[int, Query(ge=0, le=LARGEST_NUMBER)]


class NewNotes(BaseModel):
    """Notes on a version, in place of those it has."""

    model_config = ConfigDict(strict=True, extra="forbid")

    notes: Notes


class VersionOut(Listed):
    """A numbered state of a corpus; `id` is its number. `current` says that it is the published one."""

    object: Literal["corpus.version"] = "corpus.version"
    number: int
    corpus_id: str
    draft_id: str
    document_count: int
    chunk_count: int
    created_at: int
    published_at: int | None
    labels: list[str]
    notes: str
    current: bool


class PublicationOut(Listed):
    """One switch of the published version. `key_id` is who did it, null for the service itself."""

    object: Literal["corpus.publication"] = "corpus.publication"
    number: int
    previous: int
    key_id: str | None
    created_at: int


@router.get("/versions")
async def list_versions(parts: Parts, scope: Scope, corpus: Ref, page: Asked) -> ItemList[VersionOut]:
    """List the versions, newest first; cursors are their numbers."""
    found = await parts.versions.list(scope, corpus=corpus, page=page)
    return item_list([version_out(version) for version in found.items], has_more=found.has_more)


@router.get("/versions/diff")
async def read_difference(
    parts: Parts,
    scope: Scope,
    corpus: Ref,
    before: Annotated[Compared, Query(alias="from")],
    after: Annotated[Compared, Query(alias="to")],
    document_id: Name | None = None,
) -> VersionDifferenceOut | DocumentDifferenceOut:
    """Say which documents differ between two versions or, with `document_id`, how that one's text does."""
    if document_id is None:
        return version_difference_out(await parts.versions.diff(scope, corpus=corpus, before=before, after=after))
    difference = await parts.versions.text_diff(
        scope, corpus=corpus, before=before, after=after, document_id=DocumentId(document_id)
    )
    return document_difference_out(difference, before=before, after=after)


@router.get("/versions/{number}")
async def read_version(parts: Parts, scope: Scope, corpus: Ref, number: Number) -> VersionOut:
    """Describe a version."""
    return version_out(await parts.versions.get(scope, corpus=corpus, number=number))


@router.patch("/versions/{number}")
async def annotate_version(parts: Parts, scope: Scope, corpus: Ref, number: Number, body: NewNotes) -> VersionOut:
    """Give a version notes."""
    return version_out(await parts.curate_versions.annotate(scope, corpus=corpus, number=number, notes=body.notes))


@router.post("/versions/{number}/publish")
async def publish_version(parts: Parts, scope: Scope, corpus: Ref, number: Number) -> PublicationOut:
    """Make a version that was published before the published one, at once."""
    return _publication(await parts.publish(scope, corpus=corpus, number=number))


@router.get("/publications")
async def list_publications(parts: Parts, scope: Scope, corpus: Ref, page: Asked) -> ItemList[PublicationOut]:
    """List what was published when, newest first."""
    found = await parts.versions.publications(scope, corpus=corpus, page=page)
    return item_list([_publication(publication) for publication in found.items], has_more=found.has_more)


def version_out(labelled: LabelledVersion) -> VersionOut:
    """Return a version as it is written in replies."""
    version = labelled.version
    return VersionOut(
        id=str(version.number),
        number=version.number,
        corpus_id=version.corpus_id,
        draft_id=version.draft_id,
        document_count=version.document_count,
        chunk_count=version.chunk_count,
        created_at=int(version.created_at.timestamp()),
        published_at=int(version.published_at.timestamp()) if version.published_at else None,
        labels=list(labelled.labels),
        notes=version.notes,
        current=labelled.is_published,
    )


def _publication(publication: Publication) -> PublicationOut:
    return PublicationOut(
        id=str(publication.sequence),
        number=publication.number,
        previous=publication.previous,
        key_id=publication.key_id,
        created_at=int(publication.created_at.timestamp()),
    )
