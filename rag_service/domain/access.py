"""Who may do and see what."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rag_service.domain.ids import CorpusId, KeyId, TenantId

EVERYONE = "everyone"
"""The principal that every caller of a tenant has; documents without other rights are granted to it."""


class Permission(StrEnum):
    """What a key or role may do."""

    CHAT = "chat"
    HISTORY = "history"
    UPLOAD = "upload"
    PUBLISH = "publish"
    EVAL = "eval"
    ADMIN = "admin"
    DELEGATE = "delegate"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessScope:
    """What a caller may see: always one tenant, never everything.

    A document is visible when it is granted to one of `principals`.
    `corpora` narrows to some corpora of the tenant; None leaves all corpora of that tenant.
    `sees_all_documents` skips the check of principals, inside the tenant only: for workers, never for callers.
    `end_user` is a keyed hash of the person for whom an application asks; of answers only that person's are visible.
    """

    tenant_id: TenantId
    principals: frozenset[str]
    permissions: frozenset[Permission]
    corpora: frozenset[CorpusId] | None = None
    key_id: KeyId | None = None
    sees_all_documents: bool = False
    end_user: str | None = None

    @property
    def caller(self) -> str:
        """Who asks: a key, and behind it perhaps one of its end users."""
        return "/".join(filter(None, (self.key_id, self.end_user)))

    def may(self, permission: Permission) -> bool:
        """Say whether the caller holds `permission`; `admin` holds every one."""
        return permission in self.permissions or Permission.ADMIN in self.permissions

    def covers(self, corpus_id: CorpusId) -> bool:
        """Say whether `corpus_id`, of this tenant, lies inside the scope."""
        return self.corpora is None or corpus_id in self.corpora


def system_scope(tenant_id: TenantId) -> AccessScope:
    """Return the scope in which a worker acts for a tenant: all of it, and nothing of any other."""
    return AccessScope(
        tenant_id=tenant_id,
        principals=frozenset({EVERYONE}),
        permissions=frozenset(Permission),
        sees_all_documents=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is kept: without its secret, of which only a hash is stored."""

    id: KeyId
    tenant_id: TenantId
    name: str
    hint: str
    permissions: frozenset[Permission]
    principals: frozenset[str]
    corpora: frozenset[CorpusId] | None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_active(self, now: datetime) -> bool:
        """Say whether the key works at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def scope(self) -> AccessScope:
        """Return what the bearer of this key may see and do."""
        return AccessScope(
            tenant_id=self.tenant_id,
            principals=self.principals | {EVERYONE},
            permissions=self.permissions,
            corpora=self.corpora,
            key_id=self.id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in browser: acts as its key until it expires. Secrets are kept as hashes only."""

    key: ApiKey
    csrf_token: str
    expires_at: datetime
