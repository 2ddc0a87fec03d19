"""When a transaction begins and ends in SQLite."""

import sqlite3
from collections.abc import AsyncIterator

import pytest

from rag_service.catalog.sqlite_connection import SingleTripConnection, connect_sqlite


@pytest.fixture
async def connection() -> AsyncIterator[SingleTripConnection]:
    opened = await connect_sqlite(":memory:", isolation_level=None)
    await execute(opened, "PRAGMA foreign_keys = ON")
    await execute(opened, "CREATE TABLE t (id PRIMARY KEY, parent REFERENCES t DEFERRABLE INITIALLY DEFERRED)")
    yield opened
    await opened.close()


async def execute(connection: SingleTripConnection, sql: str) -> None:
    await connection.cursor().execute(sql)


async def test_a_transaction_begins_with_its_first_statement(connection: SingleTripConnection) -> None:
    connection.begin_with_first_statement()
    begun_before = connection.in_transaction
    await execute(connection, "SELECT 1")

    assert not begun_before
    assert connection.in_transaction


async def test_a_transaction_without_statements_does_not_begin_later(connection: SingleTripConnection) -> None:
    connection.begin_with_first_statement()
    await connection.commit()
    await execute(connection, "SELECT 1")

    assert not connection.in_transaction


async def test_a_transaction_whose_first_statement_fails_is_taken_back(connection: SingleTripConnection) -> None:
    connection.begin_with_first_statement()
    with pytest.raises(sqlite3.OperationalError):
        await execute(connection, "SELECT 1 FROM nothing")
    assert connection.in_transaction

    await connection.rollback()

    assert not connection.in_transaction


async def test_a_transaction_whose_commit_fails_is_taken_back(connection: SingleTripConnection) -> None:
    connection.begin_with_first_statement()
    await execute(connection, "INSERT INTO t VALUES (1, 2)")
    with pytest.raises(sqlite3.IntegrityError):
        await connection.commit()

    await connection.rollback()

    assert not connection.in_transaction


async def test_a_statement_alone_opens_no_transaction(connection: SingleTripConnection) -> None:
    await execute(connection, "SELECT 1")

    assert not connection.in_transaction


async def test_what_follows_a_statement_alone_may_open_a_transaction(connection: SingleTripConnection) -> None:
    await execute(connection, "SELECT 1")
    await connection.rollback()

    connection.begin_with_first_statement()
    await execute(connection, "INSERT INTO t VALUES (1, NULL)")
    await connection.rollback()

    counted = await connection.cursor().execute("SELECT count(*) FROM t")
    assert await counted.fetchall() == [(0,)]


async def test_a_transaction_that_was_begun_by_a_statement_is_taken_back(connection: SingleTripConnection) -> None:
    connection.expect_begin()
    await execute(connection, "BEGIN IMMEDIATE")
    assert connection.in_transaction

    await connection.rollback()

    assert not connection.in_transaction
