"""Who may see and change golden questions is decided before anything is read."""

from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from rag_service.domain.access import EVERYONE, AccessScope, Permission
from rag_service.domain.answers import Message
from rag_service.domain.golden import GoldenState
from rag_service.domain.golden_content import GoldenContent
from rag_service.domain.ids import AnswerId, GoldenId, TenantId
from rag_service.domain.pages import PageRequest
from rag_service.errors import NotFound
from rag_service.use_cases.golden import ContentChanges, ManageGolden
from rag_service.use_cases.golden_growth import GrowGolden

GOLDEN = GoldenId("gold_1")
CONTENT = GoldenContent(messages=(Message(role="user", content="When?"),), answers=("ten",))
Call = Callable[[ManageGolden, GrowGolden, AccessScope], Awaitable[Any]]

CALLS: list[Call] = [
    lambda manage, _, scope: manage.list(scope, corpus="c", state=None, page=PageRequest()),
    lambda manage, _, scope: manage.all(scope, corpus="c", states=tuple(GoldenState)),
    lambda manage, _, scope: manage.counts(scope, corpus="c"),
    lambda manage, _, scope: manage.get(scope, corpus="c", golden_id=GOLDEN),
    lambda manage, _, scope: manage.add(scope, corpus="c", content=CONTENT),
    lambda manage, _, scope: manage.edit(scope, corpus="c", golden_id=GOLDEN, changes=ContentChanges(note="x")),
    lambda manage, _, scope: manage.review(scope, corpus="c", accept=[GOLDEN], reject=[]),
    lambda manage, _, scope: manage.remove(scope, corpus="c", golden_id=GOLDEN),
    lambda _, grow, scope: grow.import_rows(scope, corpus="c", lines=[], state=GoldenState.ACCEPTED),
    lambda _, grow, scope: grow.propose_from_answer(scope, corpus="c", answer_id=AnswerId("ans_1")),
    lambda _, grow, scope: grow.synthesise(scope, corpus="c", seed=1, limit=1),
]


class UntouchedCatalog:
    """Opens transactions in which nothing can be done."""

    @asynccontextmanager
    async def reading(self) -> Any:
        yield None

    writing = reading


@pytest.mark.parametrize("call", CALLS)
async def test_golden_questions_take_the_permission_to_evaluate(call: Call) -> None:
    parts = {"catalog": UntouchedCatalog(), "clock": lambda: datetime(2026, 1, 1, tzinfo=UTC)}
    others = frozenset(Permission) - {Permission.EVAL, Permission.ADMIN}
    scope = AccessScope(tenant_id=TenantId("a"), principals=frozenset({EVERYONE}), permissions=others)

    with pytest.raises(NotFound, match="corpus"):
        await call(ManageGolden(**parts), GrowGolden(**parts), scope)
