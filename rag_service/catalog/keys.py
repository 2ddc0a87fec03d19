"""Keys, login links and sessions."""

import hashlib
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.catalog.tables import api_keys, login_links, sessions, tenants
from rag_service.domain.access import AccessScope, ApiKey, Permission, Session
from rag_service.domain.ids import KeyId, TenantId
from rag_service.errors import NotFound


class SqlKeys:
    """Implements `ports.catalog.Keys`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add_tenant(self, tenant_id: TenantId, name: str) -> None:
        await self._connection.execute(tenants.insert().values(id=tenant_id, name=name))

    async def has_any(self) -> bool:
        return (await self._connection.execute(sa.select(sa.exists(api_keys.select())))).scalar_one()

    async def add(self, key: ApiKey, secret: str) -> None:
        await self._connection.execute(
            api_keys.insert().values(
                id=key.id,
                tenant_id=key.tenant_id,
                name=key.name,
                hint=key.hint,
                secret_sha256=_hashed(secret),
                permissions=frozenset(permission.value for permission in key.permissions),
                principals=key.principals,
                corpora=key.corpora,
                created_at=key.created_at,
                expires_at=key.expires_at,
                revoked_at=key.revoked_at,
            )
        )

    async def by_secret(self, secret: str) -> ApiKey | None:
        row = (await self._connection.execute(_BY_SECRET, {"secret_sha256": _hashed(secret)})).first()
        return None if row is None else _key_of(row)

    async def list(self, scope: AccessScope) -> list[ApiKey]:
        newest_first = (api_keys.c.created_at.desc(), api_keys.c.id.desc())
        rows = await self._connection.execute(
            _KEYS.where(api_keys.c.tenant_id == scope.tenant_id).order_by(*newest_first)
        )
        return [_key_of(row) for row in rows]

    async def revoke(self, scope: AccessScope, key_id: KeyId, at: datetime) -> ApiKey:
        mine = sa.and_(api_keys.c.id == key_id, api_keys.c.tenant_id == scope.tenant_id)
        revoked = api_keys.update().where(mine).values(revoked_at=sa.func.coalesce(api_keys.c.revoked_at, at))
        row = (await self._connection.execute(revoked.returning(*_KEYS.selected_columns))).first()
        if row is None:
            raise NotFound("key", key_id)
        await self._connection.execute(sessions.delete().where(sessions.c.key_id == key_id))
        return _key_of(row)

    async def add_login_link(self, key_id: KeyId, secret: str, expires_at: datetime) -> None:
        values = {"secret_sha256": _hashed(secret), "key_id": key_id, "expires_at": expires_at}
        await self._connection.execute(login_links.insert().values(values))

    async def use_login_link(self, secret: str, now: datetime) -> ApiKey | None:
        await self._forget_expired(now)
        spent = (
            login_links.delete().where(login_links.c.secret_sha256 == _hashed(secret)).returning(login_links.c.key_id)
        )
        key_id = (await self._connection.execute(spent)).scalar_one_or_none()
        row = (await self._connection.execute(_KEYS.where(api_keys.c.id == key_id))).first()
        return None if row is None else _active(_key_of(row), now)

    async def add_session(self, key_id: KeyId, secret: str, csrf_token: str, expires_at: datetime) -> None:
        await self._connection.execute(
            sessions.insert().values(
                secret_sha256=_hashed(secret), key_id=key_id, csrf_token=csrf_token, expires_at=expires_at
            )
        )

    async def session(self, secret: str, now: datetime) -> Session | None:
        row = (await self._connection.execute(_SESSION, {"secret_sha256": _hashed(secret), "now": now})).first()
        if row is None or _active(_key_of(row), now) is None:
            return None
        return Session(key=_key_of(row), csrf_token=row.csrf_token, expires_at=row.session_expires_at)

    async def end_session(self, secret: str) -> None:
        await self._connection.execute(sessions.delete().where(sessions.c.secret_sha256 == _hashed(secret)))

    async def _forget_expired(self, now: datetime) -> None:
        await self._connection.execute(login_links.delete().where(login_links.c.expires_at <= now))
        await self._connection.execute(sessions.delete().where(sessions.c.expires_at <= now))


# Every column but the hash of the secret, which never leaves the database.
_KEYS = sa.select(*(column for column in api_keys.c if column.name != "secret_sha256"))

# Built once: every request runs one of them.
_BY_SECRET = _KEYS.where(api_keys.c.secret_sha256 == sa.bindparam("secret_sha256"))
_SESSION = (
    _KEYS.add_columns(sessions.c.csrf_token, sessions.c.expires_at.label("session_expires_at"))
    .join(sessions, sessions.c.key_id == api_keys.c.id)
    .where(sessions.c.secret_sha256 == sa.bindparam("secret_sha256"), sessions.c.expires_at > sa.bindparam("now"))
)


def _hashed(secret: str) -> str:
    # Secrets are long random strings, so a plain hash is enough: there is nothing to guess.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _key_of(row: sa.Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        hint=row.hint,
        permissions=frozenset(Permission(name) for name in row.permissions),
        principals=row.principals,
        corpora=row.corpora,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def _active(key: ApiKey, now: datetime) -> ApiKey | None:
    return key if key.is_active(now) else None
