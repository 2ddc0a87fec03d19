"""Permission checks. A caller who may not do a thing is told what an absent thing would say."""

from collections.abc import Iterable

from rag_service.domain.access import AccessScope, Permission
from rag_service.errors import NotFound


def require(scope: AccessScope, permission: Permission, *, kind: str, ref: str) -> None:
    """Raise NotFound for `kind` `ref` unless the scope holds `permission`."""
    if not scope.may(permission):
        raise NotFound(kind, ref)


def require_one_of(scope: AccessScope, permissions: Iterable[Permission], *, kind: str, ref: str) -> None:
    """Raise NotFound for `kind` `ref` unless the scope holds one of `permissions`."""
    if not any(scope.may(permission) for permission in permissions):
        raise NotFound(kind, ref)
