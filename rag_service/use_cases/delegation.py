"""An application's key that asks for one of its end users."""

from dataclasses import replace

from rag_service.domain.access import EVERYONE, AccessScope, Permission
from rag_service.errors import InvalidRequest
from rag_service.ports.signer import HashPurpose, KeyedHash

USER_HEADER = "x-rag-user"
PRINCIPALS_HEADER = "x-rag-principals"

_LONGEST_NAME = 256


class ActForEndUser:
    """Narrows what a key may see to what one of its end users may see.

    The user's name is used at once for a keyed hash and kept nowhere.
    """

    def __init__(self, keyed_hash: KeyedHash) -> None:
        self._keyed_hash = keyed_hash

    def __call__(self, scope: AccessScope, *, user: str | None, principals: str | None) -> AccessScope:
        """Return the scope of the end user: `principals`, separated by commas, only narrow those of the key.

        Raises:
            InvalidRequest: the key may not speak for others, or the name is empty or longer than 256 characters.
        """
        if user is None and principals is None:
            return scope
        if not scope.may(Permission.DELEGATE):
            raise InvalidRequest("This key cannot name end users: it lacks the permission delegate.", param=USER_HEADER)
        if principals is not None:
            named = frozenset(name.strip() for name in principals.split(",")) | {EVERYONE}
            scope = replace(scope, principals=scope.principals & named)
        return scope if user is None else replace(scope, end_user=self.name_of(scope, user))

    def name_of(self, scope: AccessScope, user: str) -> str:
        """Return the name under which the data of an end user is kept."""
        if not 0 < len(user.strip()) <= _LONGEST_NAME:
            raise InvalidRequest(f"An end user's name has 1 to {_LONGEST_NAME} characters.", param=USER_HEADER)
        return self._keyed_hash.keyed_hash(HashPurpose.END_USER, scope.tenant_id, user.strip())
