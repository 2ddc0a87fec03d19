"""Keys, login links and sessions, over the real catalog."""

from datetime import UTC, datetime, timedelta

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.ids import TenantId
from rag_service.errors import InvalidRequest, NotFound, Unauthenticated
from rag_service.settings import SecuritySettings
from rag_service.use_cases.keys import ManageKeys


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(worker: Worker, clock: Clock) -> ManageKeys:
    return ManageKeys(
        catalog=worker.container.catalog, clock=clock, settings=SecuritySettings(), public_url="http://here"
    )


async def test_the_first_key_is_made_once(worker: Worker, admin: AccessScope) -> None:
    assert await worker.container.keys.create_first(TenantId("other"), "other") is None


async def test_a_key_opens_what_it_was_made_for(keys: ManageKeys, admin: AccessScope) -> None:
    _, secret = await keys.create(admin, name="reader", permissions=frozenset({Permission.CHAT}))

    scope = await keys.authenticate(secret)

    assert scope.may(Permission.CHAT)
    assert not scope.may(Permission.UPLOAD)
    assert "everyone" in scope.principals


async def test_an_unknown_secret_opens_nothing(keys: ManageKeys, admin: AccessScope) -> None:
    with pytest.raises(Unauthenticated):
        await keys.authenticate("rag-guess")


async def test_a_revoked_key_stops_working_at_once_in_its_own_process(keys: ManageKeys, admin: AccessScope) -> None:
    key, secret = await keys.create(admin, name="reader", permissions=frozenset({Permission.CHAT}))
    await keys.authenticate(secret)

    await keys.revoke(admin, key.id)

    with pytest.raises(Unauthenticated):
        await keys.authenticate(secret)


async def test_a_key_revoked_elsewhere_stops_working_when_the_cache_is_old(
    worker: Worker, keys: ManageKeys, clock: Clock, admin: AccessScope
) -> None:
    key, secret = await keys.create(admin, name="reader", permissions=frozenset({Permission.CHAT}))
    await keys.authenticate(secret)
    await worker.container.keys.revoke(admin, key.id)

    clock.now += timedelta(seconds=SecuritySettings().authorisation_cache_s)

    with pytest.raises(Unauthenticated):
        await keys.authenticate(secret)


async def test_a_key_ends_when_it_expires_even_while_it_is_cached(
    keys: ManageKeys, clock: Clock, admin: AccessScope
) -> None:
    expires_at = clock.now + timedelta(seconds=1)
    _, secret = await keys.create(admin, name="short", permissions=frozenset({Permission.CHAT}), expires_at=expires_at)
    await keys.authenticate(secret)

    clock.now = expires_at

    with pytest.raises(Unauthenticated):
        await keys.authenticate(secret)


async def test_only_admins_make_keys(keys: ManageKeys, admin: AccessScope) -> None:
    key, _ = await keys.create(admin, name="reader", permissions=frozenset({Permission.CHAT}))

    with pytest.raises(NotFound):
        await keys.create(key.scope(), name="mine", permissions=frozenset({Permission.ADMIN}))


async def test_a_key_without_permissions_is_refused(keys: ManageKeys, admin: AccessScope) -> None:
    with pytest.raises(InvalidRequest):
        await keys.create(admin, name="nothing", permissions=frozenset())


async def test_a_login_link_works_once(keys: ManageKeys, admin: AccessScope) -> None:
    token = (await keys.login_link(admin)).rpartition("=")[2]

    secret, session = await keys.sign_in(token)

    assert (await keys.session(secret)).csrf_token == session.csrf_token
    with pytest.raises(Unauthenticated):
        await keys.sign_in(token)


async def test_a_login_link_expires(keys: ManageKeys, clock: Clock, admin: AccessScope) -> None:
    token = (await keys.login_link(admin)).rpartition("=")[2]

    clock.now += timedelta(minutes=SecuritySettings().login_link_minutes)

    with pytest.raises(Unauthenticated):
        await keys.sign_in(token)


async def test_a_session_ends_with_sign_out(keys: ManageKeys, admin: AccessScope) -> None:
    _, secret = await keys.create(admin, name="reader", permissions=frozenset({Permission.CHAT}))
    session_secret, _ = await keys.sign_in_with_key(secret)

    await keys.sign_out(session_secret)

    with pytest.raises(Unauthenticated):
        await keys.session(session_secret)
