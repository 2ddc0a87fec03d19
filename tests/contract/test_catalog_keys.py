import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.errors import NotFound
from tests.contract.catalog_values import OURS, START, STRANGER, SYSTEM, add_tenants, api_key, at


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    async with catalog.writing() as transaction:
        await add_tenants(transaction)
        await transaction.keys.add(api_key(), "secret")
    return catalog


async def test_a_key_is_found_by_its_secret(catalog: SqlCatalog) -> None:
    async with catalog.reading() as transaction:
        assert await transaction.keys.by_secret("secret") == api_key()


async def test_an_unknown_secret_finds_no_key(catalog: SqlCatalog) -> None:
    async with catalog.reading() as transaction:
        assert await transaction.keys.by_secret("guess") is None


async def test_there_is_a_key_after_the_first_start(catalog: SqlCatalog) -> None:
    async with catalog.reading() as transaction:
        assert await transaction.keys.has_any()


async def test_keys_are_listed_newest_first_and_by_tenant(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.keys.add(api_key("newer", created_at=at(1)), "other")

        assert [key.name for key in await transaction.keys.list(SYSTEM)] == ["newer", "reader"]
        assert await transaction.keys.list(STRANGER) == []


async def test_revoking_ends_the_keys_sessions(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.keys.add_session(api_key().id, "cookie", "token", at(60))
        revoked = await transaction.keys.revoke(SYSTEM, api_key().id, START)

        assert revoked.revoked_at == START
        assert await transaction.keys.session("cookie", START) is None


async def test_revoking_twice_keeps_the_first_moment(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.keys.revoke(SYSTEM, api_key().id, START)

        assert (await transaction.keys.revoke(SYSTEM, api_key().id, at(5))).revoked_at == START


async def test_a_key_of_another_tenant_cannot_be_revoked(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        with pytest.raises(NotFound):
            await transaction.keys.revoke(STRANGER, api_key().id, START)


async def test_a_login_link_works_once(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.keys.add_login_link(api_key().id, "link", at(60))

        assert await transaction.keys.use_login_link("link", START) == api_key()
        assert await transaction.keys.use_login_link("link", START) is None


async def test_a_login_link_does_not_work_after_its_time(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.keys.add_login_link(api_key().id, "link", at(60))

        assert await transaction.keys.use_login_link("link", at(60)) is None


async def test_a_session_carries_its_key_and_token(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.keys.add_session(api_key().id, "cookie", "token", at(60))
        session = await transaction.keys.session("cookie", at(59))

    assert session is not None
    assert (session.key, session.csrf_token, session.expires_at) == (api_key(), "token", at(60))


@pytest.mark.parametrize("seconds", [60, 61])
async def test_a_session_ends_at_its_time(catalog: SqlCatalog, seconds: int) -> None:
    async with catalog.writing() as transaction:
        await transaction.keys.add_session(api_key().id, "cookie", "token", at(60))

        assert await transaction.keys.session("cookie", at(seconds)) is None


async def test_a_session_ends_with_its_key(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.keys.add(api_key("brief", expires_at=at(10)), "other")
        await transaction.keys.add_session(api_key("brief").id, "cookie", "token", at(60))

        assert await transaction.keys.session("cookie", at(10)) is None


async def test_signing_out_forgets_the_session(catalog: SqlCatalog) -> None:
    async with catalog.writing() as transaction:
        await transaction.keys.add_session(api_key().id, "cookie", "token", at(60))
        await transaction.keys.end_session("cookie")

        assert await transaction.keys.session("cookie", START) is None


async def test_no_secret_is_written_down(catalog: SqlCatalog) -> None:
    async with catalog.reading() as transaction:
        (key,) = await transaction.keys.list(SYSTEM)

    assert "secret" not in repr(key)
    assert key.tenant_id == OURS
