"""Lists with cursors, in OpenAI's shape."""

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, Literal, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from rag_service.api.texts import Name
from rag_service.domain.pages import MAX_LIMIT, Page, PageRequest
from rag_service.errors import InvalidRequest


class Listed(BaseModel):
    """A thing with an id, which is its cursor."""

    id: str


Item = TypeVar("Item", bound=Listed)
Value = TypeVar("Value")


class ItemList(BaseModel, Generic[Item]):
    """A part of a list. `last_id` is the next request's `after`, `first_id` its `before`."""

    object: Literal["list"] = "list"
    data: list[Item]
    first_id: str | None
    last_id: str | None
    has_more: bool


def page_request(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 20,
    order: Literal["asc", "desc"] = "desc",
    after: Name | None = None,
    before: Name | None = None,
) -> PageRequest:
    """Return which part of a list is asked for."""
    if after is not None and before is not None:
        raise InvalidRequest("Give one cursor, after or before, not both.", param="before")
    return PageRequest(limit=limit, order=order, after=after, before=before)


Asked = Annotated[PageRequest, Depends(page_request)]


def item_list(items: Sequence[Item], *, has_more: bool) -> ItemList[Item]:
    """Return the items as a list reply."""
    ids = [item.id for item in items]
    return ItemList[Item](
        data=list(items), first_id=ids[0] if ids else None, last_id=ids[-1] if ids else None, has_more=has_more
    )


def page_of(values: Sequence[Value], page: PageRequest, *, id_of: Callable[[Value], str]) -> Page[Value]:
    """Return a page of a short list that came whole, newest first."""
    ordered = list(values) if page.order == "desc" else list(reversed(values))
    ids = [id_of(value) for value in ordered]
    if page.before is not None:
        rest = ordered[: _position(ids, page.before, "before")]
        return Page(items=rest[-page.limit :], has_more=len(rest) > page.limit)
    rest = ordered[_position(ids, page.after, "after") + 1 :] if page.after is not None else ordered
    return Page(items=rest[: page.limit], has_more=len(rest) > page.limit)


def _position(ids: Sequence[str], cursor: str, param: str) -> int:
    if cursor not in ids:
        raise InvalidRequest(f"There is no item with the id {cursor} in this list.", param=param)
    return ids.index(cursor)
