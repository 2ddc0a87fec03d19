"""Keys and logins."""

from datetime import datetime
from typing import Protocol

from rag_service.domain.access import AccessScope, ApiKey, Session
from rag_service.domain.ids import (
    KeyId,
    TenantId,
)


class Keys(Protocol):
    """API keys, login links and sessions. Secrets come in and are stored as SHA-256 hashes only."""

    async def add_tenant(self, tenant_id: TenantId, name: str) -> None:
        """Add a tenant."""

    async def has_any(self) -> bool:
        """Say whether any key exists at all: false only before the first start."""

    async def add(self, key: ApiKey, secret: str) -> None:
        """Add a key."""

    async def by_secret(self, secret: str) -> ApiKey | None:
        """Return the key with this secret, active or not."""

    async def list(self, scope: AccessScope) -> list[ApiKey]:
        """Return the tenant's keys, newest first, revoked ones too."""

    async def revoke(self, scope: AccessScope, key_id: KeyId, at: datetime) -> ApiKey:
        """Revoke a key and end its sessions; a second time changes nothing."""

    async def add_login_link(self, key_id: KeyId, secret: str, expires_at: datetime) -> None:
        """Keep a one-time login link."""

    async def use_login_link(self, secret: str, now: datetime) -> ApiKey | None:
        """Return the link's key and spend the link; None when unknown, spent or expired."""

    async def add_session(self, key_id: KeyId, secret: str, csrf_token: str, expires_at: datetime) -> None:
        """Keep a browser session."""

    async def session(self, secret: str, now: datetime) -> Session | None:
        """Return the session, None when unknown or expired or its key no longer works."""

    async def end_session(self, secret: str) -> None:
        """Forget a session; unknown ones are ignored."""
