"""/v1/erasures: remove a document, an end user's data or a corpus everywhere, with a signed receipt."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.lists import Asked, ItemList, Listed, item_list
from rag_service.api.texts import Name, Ref, Text
from rag_service.domain.erasures import Erasure
from rag_service.domain.ids import DocumentId, ErasureId
from rag_service.use_cases.erasing.read_erasures import require_erasing

# No Idempotency-Key: asking again gives the same erasure anyway, and a kept request would know the person's name.
router = APIRouter(prefix="/v1/erasures", tags=["erasures"])

_LONGEST_USER = 256


class _Asked(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class EraseDocument(_Asked):
    """A document, in all its revisions and every version."""

    kind: Literal["document"]
    document_id: Name


class ErasePerson(_Asked):
    """What is kept of an end user, named as the application names them in `x-rag-user`. The name is not kept."""

    kind: Literal["person"]
    user: Annotated[Text, Field(min_length=1, max_length=_LONGEST_USER)]


class EraseCorpus(_Asked):
    """A corpus, by id or name, with all its documents, versions and answers."""

    kind: Literal["corpus"]
    corpus: Name


NewErasure = Annotated[EraseDocument | ErasePerson | EraseCorpus, Field(discriminator="kind")]


class ErasureOut(Listed):
    """An erasure. `receipt` is JSON as text, exactly as it was signed; verify `signature` (Ed25519, Base64) over it."""

    object: Literal["erasure"] = "erasure"
    kind: str
    subject: dict[str, str]
    state: str
    requested_by: str | None
    created_at: int
    finished_at: int | None
    receipt: str | None
    signature: str | None
    public_key: str | None


class SigningKey(BaseModel):
    """The key that receipts are signed with now, in PEM."""

    object: Literal["erasure.key"] = "erasure.key"
    algorithm: Literal["ed25519"] = "ed25519"
    key_id: str
    public_key: str


@router.post("", status_code=202)
async def request_erasure(parts: Parts, scope: Scope, body: NewErasure) -> ErasureOut:
    """Hide it from everybody at once, and have it removed. Asking again returns the same erasure."""
    match body:
        case EraseDocument():
            erasure = await parts.request_erasure.document(scope, DocumentId(body.document_id))
        case ErasePerson():
            erasure = await parts.request_erasure.person(scope, body.user)
        case EraseCorpus():
            erasure = await parts.request_erasure.corpus(scope, body.corpus)
    return _erasure(erasure)


@router.get("")
async def list_erasures(parts: Parts, scope: Scope, page: Asked) -> ItemList[ErasureOut]:
    """List erasures by time of request."""
    found = await parts.erasures.list(scope, page)
    return item_list([_erasure(erasure) for erasure in found.items], has_more=found.has_more)


@router.get("/key")
async def read_signing_key(parts: Parts, scope: Scope) -> SigningKey:
    """Return the public key, so that receipts can be checked without this service."""
    require_erasing(scope, kind="endpoint", ref="/v1/erasures/key")
    return SigningKey(key_id=parts.service_keys.key_id, public_key=parts.service_keys.public_key)


@router.get("/{erasure_id}")
async def read_erasure(parts: Parts, scope: Scope, erasure_id: Ref) -> ErasureOut:
    """Return an erasure; its receipt is there when it is done."""
    return _erasure(await parts.erasures.get(scope, ErasureId(erasure_id)))


def _erasure(erasure: Erasure) -> ErasureOut:
    return ErasureOut(
        id=erasure.id,
        kind=erasure.kind.value,
        subject=dict(erasure.subject),
        state=erasure.state.value,
        requested_by=erasure.requested_by,
        created_at=int(erasure.created_at.timestamp()),
        finished_at=None if erasure.finished_at is None else int(erasure.finished_at.timestamp()),
        receipt=erasure.receipt,
        signature=erasure.signature,
        public_key=erasure.public_key,
    )
