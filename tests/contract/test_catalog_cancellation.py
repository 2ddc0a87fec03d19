"""A task that is cancelled while it uses the catalog ends, and its connection comes back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest
import sqlalchemy as sa

from rag_service.catalog.sql_catalog import SqlCatalog, open_catalog
from rag_service.ports.catalog import Transaction
from tests.contract.catalog_values import SYSTEM, add_corpus, stored_file
from tests.patience import PATIENCE_S

Body = Callable[[Transaction, asyncio.Event], Awaitable[None]]

TIMES = 20


@pytest.fixture
async def catalog(catalog_url: str) -> AsyncIterator[SqlCatalog]:
    # One connection: the next transaction shows that the one before gave it back.
    async with open_catalog(catalog_url, pool_size=1) as opened:
        await add_corpus(opened)
        yield opened


async def in_a_statement(transaction: Transaction, reached: asyncio.Event) -> None:
    reached.set()
    await transaction.corpora.get(SYSTEM, "handbook")


async def at_the_end(transaction: Transaction, reached: asyncio.Event) -> None:
    await transaction.corpora.get(SYSTEM, "handbook")
    reached.set()


async def after_an_error(transaction: Transaction, reached: asyncio.Event) -> None:
    await transaction.corpora.get(SYSTEM, "handbook")
    reached.set()
    raise RuntimeError


async def cancel_again_and_again(transaction: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run `transaction` until it says that it has got there, then cancel it without end."""
    reached = asyncio.Event()
    task = asyncio.create_task(transaction(reached))
    await reached.wait()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    assert task.cancelled()


@pytest.mark.parametrize("body", [in_a_statement, at_the_end, after_an_error])
@pytest.mark.parametrize("kind", ["reading", "writing"])
async def test_a_transaction_cancelled_again_and_again_ends(catalog: SqlCatalog, kind: str, body: Body) -> None:
    async def transaction(reached: asyncio.Event) -> None:
        async with getattr(catalog, kind)() as opened:
            await body(opened, reached)

    before = asyncio.all_tasks()
    for _ in range(TIMES):
        await cancel_again_and_again(transaction)

    await transaction_of_somebody_else(catalog)
    left_behind = asyncio.all_tasks() - before
    assert not left_behind or not (await asyncio.wait(left_behind, timeout=PATIENCE_S))[1]


@pytest.mark.parametrize("body", [at_the_end, after_an_error])
async def test_a_transaction_cancelled_at_its_end_keeps_its_connection(catalog: SqlCatalog, body: Body) -> None:
    async def transaction(reached: asyncio.Event) -> None:
        async with catalog.writing() as opened:
            await body(opened, reached)

    opened: list[object] = []
    with contextlib.ExitStack() as stack:
        sa.event.listen(sa.Pool, "connect", note := lambda *connection: opened.append(connection))
        stack.callback(sa.event.remove, sa.Pool, "connect", note)
        for _ in range(TIMES):
            await cancel_again_and_again(transaction)

    assert opened == []


async def test_a_commit_that_has_begun_is_carried_out(catalog: SqlCatalog) -> None:
    async def write(reached: asyncio.Event) -> None:
        async with catalog.writing() as transaction:
            await transaction.files.add(SYSTEM, stored_file("a"))
            reached.set()

    await cancel_again_and_again(write)

    async with catalog.reading() as transaction:
        assert await transaction.files.get(SYSTEM, stored_file("a").id) == stored_file("a")


async def transaction_of_somebody_else(catalog: SqlCatalog) -> None:
    for opened in (catalog.reading(), catalog.writing()):
        async with opened as transaction:
            await transaction.corpora.get(SYSTEM, "handbook")
