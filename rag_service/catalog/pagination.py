"""Cursor pagination over pairs of columns, like (moment, id)."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from rag_service.domain.pages import Page, PageRequest
from rag_service.errors import InvalidRequest

Item = TypeVar("Item")
Position = tuple[Any, Any]

_DIGITS = 15  # a number of more could not be stored


async def fetch_page(
    connection: AsyncConnection,
    rows: sa.Select[Any],
    *,
    position: tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]],
    cursor: Callable[[str], sa.Select[Any]],
    page: PageRequest,
    item_of: Callable[[sa.Row[Any]], Item],
) -> Page[Item]:
    """Return the part of `rows` that `page` asks for; `cursor` selects the position of the item with an id.

    Raises:
        InvalidRequest: `after` or `before` names no item.
    """
    ascending = page.order == "asc"
    if page.after is not None:
        rows = rows.where(_beyond(position, await _place(connection, cursor, page.after, "after"), greater=ascending))
    if page.before is not None:
        place = await _place(connection, cursor, page.before, "before")
        rows = rows.where(_beyond(position, place, greater=not ascending))
    # With only `before`, the items wanted are those nearest to it: walk backwards, then turn them round.
    backwards = page.before is not None and page.after is None
    walk_up = ascending != backwards
    rows = rows.order_by(*(column.asc() if walk_up else column.desc() for column in position)).limit(page.limit + 1)
    found = (await connection.execute(rows)).all()
    return _page_of(found, page.limit, backwards=backwards, item_of=item_of)


def number_in(cursor: str) -> int:
    """Return the number that a cursor is; one that no row has when it is none."""
    is_number = cursor.isascii() and cursor.isdecimal() and len(cursor) <= _DIGITS
    return int(cursor) if is_number else -1


def _page_of(
    found: Sequence[sa.Row[Any]], limit: int, *, backwards: bool, item_of: Callable[[sa.Row[Any]], Item]
) -> Page[Item]:
    shown = [item_of(row) for row in found[:limit]]
    return Page(items=shown[::-1] if backwards else shown, has_more=len(found) > limit)


async def _place(
    connection: AsyncConnection, cursor: Callable[[str], sa.Select[Any]], item_id: str, param: str
) -> Position:
    row = (await connection.execute(cursor(item_id))).first()
    if row is None:
        raise InvalidRequest(f"There is no item {item_id} in this list.", param=param)
    return row[0], row[1]


def _beyond(
    position: tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]], place: Position, *, greater: bool
) -> sa.ColumnElement[bool]:
    here = sa.tuple_(*position)
    there = sa.tuple_(*(sa.literal(value, column.type) for value, column in zip(place, position, strict=True)))
    return here > there if greater else here < there
