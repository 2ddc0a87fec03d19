"""Golden questions that somebody else works on at the same time, or that were erased in between."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from rag_service.domain.access import system_scope
from rag_service.domain.answers import Message
from rag_service.domain.erasures import Erasure, ErasureKind, TombstoneKind, tombstone_of
from rag_service.domain.golden import GoldenQuestion, GoldenState
from rag_service.domain.golden_content import GoldenContent
from rag_service.domain.ids import CorpusId, ErasureId, Fingerprint
from rag_service.errors import Conflict, Gone
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.settings import EvaluationSettings
from rag_service.use_cases.content_gaps import ContentGaps
from rag_service.use_cases.golden import ContentChanges, ManageGolden
from rag_service.use_cases.golden_growth import GrowGolden
from tests.api.parts import Service
from tests.build_parts import own_parts
from tests.evaluation_values import golden

CONTENT = GoldenContent(messages=(Message(role="user", content="When does the car park close?"),), answers=("22:30",))


class Meanwhile:
    """A catalog in which something happens between looking and writing."""

    def __init__(self, catalog: Catalog, happens: Callable[[], Awaitable[object]]) -> None:
        self._catalog = catalog
        self._happens = happens

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        return self._catalog.reading()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        await self._happens()
        async with self._catalog.writing() as tx:
            yield tx


@pytest.fixture
async def kept(service: Service) -> GoldenQuestion:
    """A proposal of the corpus."""
    corpus_id, tenant_id = CorpusId(await service.corpus()), service.scope.tenant_id
    question = golden(corpus_id=corpus_id, tenant_id=tenant_id, state=GoldenState.PROPOSED)
    async with service.parts.catalog.writing() as tx:
        await tx.golden.add(service.scope, [question])
    return question


def manage(service: Service, happens: Callable[[], Awaitable[object]]) -> ManageGolden:
    return ManageGolden(catalog=Meanwhile(service.parts.catalog, happens), clock=service.parts.clock)  # type: ignore[arg-type]


async def test_a_proposal_that_was_changed_after_it_was_checked_is_not_accepted(
    service: Service, kept: GoldenQuestion
) -> None:
    async def change() -> None:
        changes = ContentChanges(answers=())
        await service.parts.golden.edit(service.scope, corpus="handbook", golden_id=kept.id, changes=changes)

    with pytest.raises(Conflict):
        await manage(service, change).review(service.scope, corpus="handbook", accept=[kept.id], reject=[])

    assert (await now(service, kept)).state is GoldenState.PROPOSED


async def test_a_question_that_was_changed_after_it_was_looked_at_is_not_overwritten(
    service: Service, kept: GoldenQuestion
) -> None:
    async def change() -> None:
        changes = ContentChanges(note="of somebody else")
        await service.parts.golden.edit(service.scope, corpus="handbook", golden_id=kept.id, changes=changes)

    with pytest.raises(Conflict):
        await manage(service, change).edit(
            service.scope, corpus="handbook", golden_id=kept.id, changes=ContentChanges(answers=("half past ten",))
        )

    assert (await now(service, kept)).note == "of somebody else"


@pytest.mark.parametrize("verdict", ["accept", "reject"])
async def test_a_question_with_the_wanted_verdict_is_left_as_it_is(
    service: Service, kept: GoldenQuestion, verdict: str
) -> None:
    ids = {"accept": [], "reject": []} | {verdict: [kept.id]}

    (once,), (again,) = [await service.parts.golden.review(service.scope, corpus="handbook", **ids) for _ in range(2)]

    assert again == once


async def test_the_same_question_of_somebody_else_is_noticed_when_it_is_written(
    service: Service, kept: GoldenQuestion
) -> None:
    twin = GoldenContent(messages=(Message(role="user", content="Who won?"),), answerable=False)

    async def add() -> None:
        await service.parts.golden.add(service.scope, corpus="handbook", content=twin)

    with pytest.raises(Conflict, match="already, accepted"):
        await manage(service, add).add(service.scope, corpus="handbook", content=twin)


async def test_a_question_that_is_known_locks_nothing(service: Service, kept: GoldenQuestion) -> None:
    async def never() -> None:
        raise AssertionError

    with pytest.raises(Conflict, match="already, proposed"):
        await manage(service, never).add(service.scope, corpus="handbook", content=CONTENT)


async def test_an_answer_that_is_proposed_twice_at_once_proposes_one_question(
    service: Service, client: httpx.AsyncClient
) -> None:
    answer_id = await disliked(service, client)
    wanted = {"corpus": "handbook", "answer_id": answer_id}
    catalog = Meanwhile(
        service.parts.catalog, lambda: service.parts.grow_golden.propose_from_answer(service.scope, **wanted)
    )

    made = await GrowGolden(catalog=catalog, clock=service.parts.clock).propose_from_answer(service.scope, **wanted)

    listed = await service.parts.golden.all(service.scope, corpus="handbook", states=tuple(GoldenState))
    assert listed == [made]


@pytest.mark.parametrize("origin", ["from-answer", "from-gap"])
async def test_a_proposal_from_an_answer_that_was_erased_in_between_is_not_kept(
    service: Service, client: httpx.AsyncClient, origin: str
) -> None:
    answer_id = await disliked(service, client)
    catalog, parts = Meanwhile(service.parts.catalog, lambda: erase(service, answer_id)), service.parts
    grow = GrowGolden(catalog=catalog, clock=parts.clock)
    gaps = ContentGaps(
        catalog=catalog, build_parts=own_parts(Fingerprint("b")), clock=parts.clock, settings=EvaluationSettings()
    )
    propose = {"from-answer": grow.propose_from_answer, "from-gap": gaps.propose}[origin]

    with pytest.raises(Gone, match="erased meanwhile"):
        await propose(service.scope, corpus="handbook", answer_id=answer_id)

    assert await parts.golden.all(service.scope, corpus="handbook", states=tuple(GoldenState)) == []


async def test_an_import_brings_back_no_question_of_an_erased_answer(
    service: Service, client: httpx.AsyncClient
) -> None:
    answer_id = await disliked(service, client)
    await client.post("/v1/corpora/handbook/golden/from-answer", json={"answer_id": answer_id})
    exported = (await client.get("/v1/corpora/handbook/golden/export?state=proposed")).content
    await erase(service, answer_id)
    again = json.dumps({"question": "Who won?"}).encode()

    path = "/v1/corpora/handbook/golden/import?state=proposed"
    done = (await client.post(path, content=exported + again)).json()

    assert (done["added"], done["duplicates"]) == (1, 0)
    ((line, message),) = [(one["line"], one["message"]) for one in done["refused"]]
    assert (line, "answer that has been erased" in message) == (1, True)


async def disliked(service: Service, client: httpx.AsyncClient) -> str:
    """Return the id of an answer that somebody disliked."""
    await service.corpus()
    body = {"model": "handbook", "messages": [{"role": "user", "content": "Who won?"}]}
    answer_id = str((await client.post("/v1/chat/completions", json=body)).json()["x_rag"]["answer_id"])
    await client.post(f"/v1/answers/{answer_id}/feedback", json={"rating": "down"})
    return answer_id


async def erase(service: Service, answer_id: str) -> None:
    """Remove the answer of a person who wants nothing kept."""
    scope = system_scope(service.scope.tenant_id)
    asked = Erasure(
        id=ErasureId("erasure_one"),
        tenant_id=scope.tenant_id,
        kind=ErasureKind.PERSON,
        subject={"end_user": "ann"},
        requested_by=None,
        created_at=service.parts.clock(),
    )
    stone = tombstone_of(asked, TombstoneKind.ANSWER, answer_id, corpus_id=None, principals=frozenset())
    async with service.parts.catalog.writing() as tx:
        await tx.erasures.add(scope, asked, [])
        await tx.erasures.remove_answers(scope, [stone])


async def now(service: Service, question: GoldenQuestion) -> GoldenQuestion:
    found: GoldenQuestion = await service.parts.golden.get(service.scope, corpus="handbook", golden_id=question.id)
    return found
