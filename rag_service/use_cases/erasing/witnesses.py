"""Who could see what was erased: kept as keyed hashes, so that only they are told that it is gone."""

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.erasures import AnswerPlace, Tombstone, TombstoneKind
from rag_service.domain.ids import KeyId, TenantId
from rag_service.ports.signer import HashPurpose, KeyedHash

_KEY = "key"
_END_USER = "end user"
_PRINCIPAL = "principal"


def of_document(keyed_hash: KeyedHash, tenant_id: TenantId, principals: frozenset[str]) -> frozenset[str]:
    """Return what is kept of a document's principals."""
    return frozenset(_hashed(keyed_hash, tenant_id, _PRINCIPAL, name) for name in principals)


def of_answer(keyed_hash: KeyedHash, tenant_id: TenantId, answer: AnswerPlace) -> frozenset[str]:
    """Return what is kept of the key that an answer was given to, and of the end user behind it."""
    return _of_caller(keyed_hash, tenant_id, answer.key_id, answer.end_user)


def could_see(keyed_hash: KeyedHash, scope: AccessScope, stone: Tombstone) -> bool:
    """Say whether a caller could see what stood there."""
    if stone.corpus_id is not None and not scope.covers(stone.corpus_id):
        return False
    by_principal = not stone.principals.isdisjoint(of_document(keyed_hash, scope.tenant_id, scope.principals))
    match stone.kind:
        case TombstoneKind.CORPUS:
            return True
        case TombstoneKind.DOCUMENT:
            return by_principal
        case TombstoneKind.FILE:
            return by_principal or scope.may(Permission.UPLOAD)
        case TombstoneKind.ANSWER:
            caller = _of_caller(keyed_hash, scope.tenant_id, scope.key_id, scope.end_user)
            return (bool(caller) and caller <= stone.principals) or (
                scope.may(Permission.ADMIN) and scope.end_user is None
            )
        case TombstoneKind.PERSON:
            return False


def _of_caller(
    keyed_hash: KeyedHash, tenant_id: TenantId, key_id: KeyId | None, end_user: str | None
) -> frozenset[str]:
    named = ((_KEY, key_id), (_END_USER, end_user))
    return frozenset(_hashed(keyed_hash, tenant_id, role, name) for role, name in named if name is not None)


def _hashed(keyed_hash: KeyedHash, tenant_id: TenantId, role: str, name: str) -> str:
    return keyed_hash.keyed_hash(HashPurpose.PRINCIPAL, tenant_id, role, name)
