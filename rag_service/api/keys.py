"""/v1/keys and /v1/login-links: who gets in."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.idempotency import NotRepeatable
from rag_service.api.lists import Asked, ItemList, Listed, item_list, page_of
from rag_service.api.texts import Name, Ref
from rag_service.domain.access import AccessScope, ApiKey, Permission
from rag_service.domain.ids import CorpusId, KeyId
from rag_service.errors import InvalidRequest

_LATEST = 253_402_300_799
"""The last second of the year 9999, the latest time there is."""

router = APIRouter(prefix="/v1", tags=["keys"], route_class=NotRepeatable)


class NewKey(BaseModel):
    """A key to be made. `corpora` are ids or names; without them the key reaches all of the tenant's."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    permissions: Annotated[list[Permission], Field(min_length=1, max_length=len(Permission))]
    principals: Annotated[list[Name], Field(max_length=64)] = []
    corpora: Annotated[list[Name], Field(min_length=1, max_length=100)] | None = None
    expires_at: Annotated[int, Field(strict=True, ge=0, le=_LATEST)] | None = None


class KeyOut(Listed):
    """A key without its secret; `hint` is the secret's beginning. Times are Unix seconds."""

    object: Literal["api_key"] = "api_key"
    name: str
    hint: str
    permissions: list[str]
    principals: list[str]
    corpora: list[str] | None
    created_at: int
    expires_at: int | None
    revoked_at: int | None


class CreatedKey(KeyOut):
    """A new key. The secret is told once."""

    secret: str


class LoginLink(BaseModel):
    """An address that signs its first visitor in."""

    object: Literal["login_link"] = "login_link"
    url: str


@router.get("/keys")
async def list_keys(parts: Parts, scope: Scope, page: Asked) -> ItemList[KeyOut]:
    """List the tenant's keys, revoked ones too."""
    found = page_of(await parts.keys.list(scope), page, id_of=lambda key: key.id)
    return item_list([_key(key) for key in found.items], has_more=found.has_more)


@router.post("/keys")
async def create_key(parts: Parts, scope: Scope, body: NewKey) -> CreatedKey:
    """Make a key."""
    expires_at = datetime.fromtimestamp(body.expires_at, UTC) if body.expires_at is not None else None
    if expires_at is not None and expires_at <= parts.clock():
        raise InvalidRequest("expires_at lies in the past.", param="expires_at")
    key, secret = await parts.keys.create(
        scope,
        name=body.name,
        permissions=frozenset(body.permissions),
        principals=frozenset(body.principals),
        corpora=await _corpus_ids(parts, scope, body.corpora),
        expires_at=expires_at,
    )
    return CreatedKey(**_key(key).model_dump(), secret=secret)


@router.delete("/keys/{key_id}")
async def revoke_key(parts: Parts, scope: Scope, key_id: Ref) -> KeyOut:
    """Revoke a key and end its sessions; a second time changes nothing."""
    return _key(await parts.keys.revoke(scope, KeyId(key_id)))


@router.post("/login-links")
async def create_login_link(parts: Parts, scope: Scope) -> LoginLink:
    """Make a one-time link to sign in with in a browser."""
    return LoginLink(url=await parts.keys.login_link(scope))


async def _corpus_ids(parts: Parts, scope: AccessScope, refs: list[str] | None) -> frozenset[CorpusId] | None:
    if refs is None:
        return None
    async with parts.catalog.reading() as tx:
        return frozenset([(await tx.corpora.get(scope, ref)).id for ref in refs])


def _key(key: ApiKey) -> KeyOut:
    return KeyOut(
        id=key.id,
        name=key.name,
        hint=key.hint,
        permissions=sorted(key.permissions),
        principals=sorted(key.principals),
        corpora=sorted(key.corpora) if key.corpora is not None else None,
        created_at=int(key.created_at.timestamp()),
        expires_at=_seconds(key.expires_at),
        revoked_at=_seconds(key.revoked_at),
    )


def _seconds(at: datetime | None) -> int | None:
    return int(at.timestamp()) if at else None
