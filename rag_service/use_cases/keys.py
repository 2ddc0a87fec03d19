"""API keys, one-time login links and browser sessions."""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from rag_service.domain.access import AccessScope, ApiKey, Permission, Session
from rag_service.domain.ids import CorpusId, KeyId, TenantId, new_id
from rag_service.errors import InvalidRequest, Unauthenticated
from rag_service.ports.catalog import Catalog
from rag_service.settings import SecuritySettings
from rag_service.use_cases.permissions import require

_HINT_CHARS = 8


class ManageKeys:
    """Creates, checks and revokes what lets people in. Secrets leave once, when they are made."""

    def __init__(
        self, *, catalog: Catalog, clock: Callable[[], datetime], settings: SecuritySettings, public_url: str
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._settings = settings
        self._public_url = public_url
        self._seen: dict[bytes, tuple[datetime, ApiKey]] = {}

    async def create_first(
        self, tenant_id: TenantId, tenant_name: str, *, hand_over: Callable[[str], None] = lambda _: None
    ) -> tuple[ApiKey, str] | None:
        """Make a tenant and its admin key when no key exists at all; else return None.

        `hand_over` gets the secret before the key counts: no crash leaves a service with a key that nobody has.
        """
        key, secret = self._new_key(tenant_id, "admin", frozenset(Permission))
        async with self._catalog.writing() as tx:
            if await tx.keys.has_any():
                return None
            await tx.keys.add_tenant(tenant_id, tenant_name)
            await tx.keys.add(key, secret)
            await asyncio.to_thread(hand_over, secret)
        return key, secret

    async def create(
        self,
        scope: AccessScope,
        *,
        name: str,
        permissions: frozenset[Permission],
        principals: frozenset[str] = frozenset(),
        corpora: frozenset[CorpusId] | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        """Return a new key of the caller's tenant and its secret, which cannot be read again.

        Raises:
            NotFound: the caller is no admin.
            InvalidRequest: no name or no permission.
        """
        require(scope, Permission.ADMIN, kind="endpoint", ref="/v1/keys")
        if not name.strip() or not permissions:
            raise InvalidRequest("A key needs a name and at least one permission.", param="permissions")
        key, secret = self._new_key(
            scope.tenant_id, name.strip(), permissions, principals=principals, corpora=corpora, expires_at=expires_at
        )
        async with self._catalog.writing() as tx:
            await tx.keys.add(key, secret)
        return key, secret

    async def list(self, scope: AccessScope) -> list[ApiKey]:
        """Return the tenant's keys, newest first; only for admins."""
        require(scope, Permission.ADMIN, kind="endpoint", ref="/v1/keys")
        async with self._catalog.reading() as tx:
            return await tx.keys.list(scope)

    async def revoke(self, scope: AccessScope, key_id: KeyId) -> ApiKey:
        """Revoke a key; other processes follow within `authorisation_cache_s`."""
        require(scope, Permission.ADMIN, kind="key", ref=key_id)
        async with self._catalog.writing() as tx:
            revoked = await tx.keys.revoke(scope, key_id, self._clock())
        self._seen.clear()
        return revoked

    async def authenticate(self, secret: str) -> AccessScope:
        """Return what the bearer of `secret` may see and do, or raise Unauthenticated."""
        key = await self._key_of(secret)
        return key.scope()

    async def login_link(self, scope: AccessScope) -> str:
        """Return an address that signs its first visitor in as the caller's key."""
        if scope.key_id is None:
            raise Unauthenticated("Only the bearer of a key can make a login link.")
        token = secrets.token_urlsafe(32)
        expires_at = self._clock() + timedelta(minutes=self._settings.login_link_minutes)
        async with self._catalog.writing() as tx:
            await tx.keys.add_login_link(scope.key_id, token, expires_at)
        return f"{self._public_url}/login?token={token}"

    async def sign_in(self, token: str) -> tuple[str, Session]:
        """Spend a login link; return the session's secret and the session."""
        now = self._clock()
        async with self._catalog.writing() as tx:
            key = await tx.keys.use_login_link(token, now)
        if key is None or not key.is_active(now):
            raise Unauthenticated("This login link has expired or was used. Make a new one: rag key login-link")
        return await self._open_session(key)

    async def sign_in_with_key(self, secret: str) -> tuple[str, Session]:
        """Open a session for the bearer of a key."""
        return await self._open_session(await self._key_of(secret))

    async def session(self, secret: str) -> Session:
        """Return a live session, or raise Unauthenticated."""
        async with self._catalog.reading() as tx:
            session = await tx.keys.session(secret, self._clock())
        if session is None:
            raise Unauthenticated("You are signed out. Sign in again.")
        return session

    async def sign_out(self, secret: str) -> None:
        """End a session."""
        async with self._catalog.writing() as tx:
            await tx.keys.end_session(secret)

    async def _open_session(self, key: ApiKey) -> tuple[str, Session]:
        secret, csrf_token = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
        expires_at = self._clock() + timedelta(hours=self._settings.session_hours)
        async with self._catalog.writing() as tx:
            await tx.keys.add_session(key.id, secret, csrf_token, expires_at)
        return secret, Session(key=key, csrf_token=csrf_token, expires_at=expires_at)

    async def _key_of(self, secret: str) -> ApiKey:
        now = self._clock()
        key = self._recently_seen(secret, now)
        if key is None:
            async with self._catalog.glancing() as tx:
                key = await tx.keys.by_secret(secret)
            if key is None or not key.is_active(now):
                raise Unauthenticated("The API key is missing, unknown, expired or revoked.")
            self._remember(secret, key, now)
        return key

    def _recently_seen(self, secret: str, now: datetime) -> ApiKey | None:
        seen_at, key = self._seen.get(_digest(secret), (None, None))
        fresh = seen_at and timedelta() <= now - seen_at < timedelta(seconds=self._settings.authorisation_cache_s)
        return key if key and fresh and key.is_active(now) else None

    def _remember(self, secret: str, key: ApiKey, now: datetime) -> None:
        if len(self._seen) >= 10_000:  # noqa: PLR2004  (bounds memory; a full cache starts afresh)
            self._seen.clear()
        self._seen[_digest(secret)] = (now, key)

    def _new_key(
        self,
        tenant_id: TenantId,
        name: str,
        permissions: frozenset[Permission],
        *,
        principals: frozenset[str] = frozenset(),
        corpora: frozenset[CorpusId] | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        secret = f"rag-{secrets.token_urlsafe(32)}"
        key = ApiKey(
            id=KeyId(new_id("key_")),
            tenant_id=tenant_id,
            name=name,
            hint=f"{secret[:_HINT_CHARS]}…",
            permissions=permissions,
            principals=principals,
            corpora=corpora,
            created_at=self._clock(),
            expires_at=expires_at,
        )
        return key, secret


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
