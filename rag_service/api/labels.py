"""/v1/corpora/{corpus}/labels: names for versions, which are then asked as corpus@label."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.idempotency import RepeatableRoute
from rag_service.api.texts import Ref
from rag_service.api.versions import LARGEST_NUMBER, VersionOut, version_out

router = APIRouter(prefix="/v1/corpora/{corpus}/labels", tags=["versions"], route_class=RepeatableRoute)


class LabelTarget(BaseModel):
    """The version that gets the label."""

    model_config = ConfigDict(strict=True, extra="forbid")

    version: Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]


class LabelDeleted(BaseModel):
    """A label that no version has any more."""

    id: str
    object: Literal["corpus.label.deleted"] = "corpus.label.deleted"
    deleted: bool = True


@router.put("/{label}")
async def label_version(parts: Parts, scope: Scope, corpus: Ref, label: Ref, body: LabelTarget) -> VersionOut:
    """Give the label to a version, taking it from another."""
    return version_out(await parts.curate_versions.label(scope, corpus=corpus, label=label, number=body.version))


@router.delete("/{label}")
async def unlabel_version(parts: Parts, scope: Scope, corpus: Ref, label: Ref) -> LabelDeleted:
    """Take the label away; its version stays."""
    await parts.curate_versions.unlabel(scope, corpus=corpus, label=label)
    return LabelDeleted(id=label)
