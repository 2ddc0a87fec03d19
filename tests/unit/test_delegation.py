from dataclasses import replace

import pytest

from rag_service.domain.access import EVERYONE, AccessScope, Permission
from rag_service.domain.ids import KeyId, TenantId
from rag_service.errors import InvalidRequest
from rag_service.signing.service_keys import ServiceKeys
from rag_service.use_cases.delegation import ActForEndUser

ACT = ActForEndUser(ServiceKeys(b"s" * 32))
KEY = AccessScope(
    tenant_id=TenantId("ours"),
    principals=frozenset({EVERYONE, "sales", "board"}),
    permissions=frozenset({Permission.CHAT, Permission.DELEGATE}),
    key_id=KeyId("key_1"),
)


def test_a_key_that_names_nobody_acts_for_itself() -> None:
    assert ACT(KEY, user=None, principals=None) == KEY


def test_the_name_of_an_end_user_is_kept_as_a_keyed_hash() -> None:
    scope = ACT(KEY, user="anna@example.org", principals=None)

    assert scope.end_user
    assert "anna" not in scope.end_user
    assert scope == ACT(KEY, user=" anna@example.org ", principals=None)
    assert (
        scope.end_user
        != ACT(replace(KEY, tenant_id=TenantId("theirs")), user="anna@example.org", principals=None).end_user
    )


def test_named_principals_only_narrow_those_of_the_key() -> None:
    scope = ACT(KEY, user=None, principals="sales, secret")

    assert scope.principals == {EVERYONE, "sales"}


def test_a_key_without_delegate_cannot_speak_for_others() -> None:
    plain = replace(KEY, permissions=frozenset({Permission.CHAT}))

    for user, principals in (("anna", None), (None, "sales")):
        with pytest.raises(InvalidRequest, match="delegate"):
            ACT(plain, user=user, principals=principals)


@pytest.mark.parametrize("user", ["", "  ", "x" * 257])
def test_a_name_has_one_to_256_characters(user: str) -> None:
    with pytest.raises(InvalidRequest):
        ACT(KEY, user=user, principals=None)


def test_two_end_users_of_a_key_are_two_callers() -> None:
    anna, ben = (ACT(KEY, user=user, principals=None) for user in ("anna", "ben"))

    assert len({KEY.caller, anna.caller, ben.caller}) == 3
