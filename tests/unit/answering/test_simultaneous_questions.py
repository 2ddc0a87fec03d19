"""What many ask at the same time is generated once, for as long as one of them waits."""

import asyncio
from dataclasses import replace

import pytest

from rag_service.domain.access import AccessScope
from rag_service.domain.answers import Answer, Finished, SourcesFound, UnitEmitted
from rag_service.domain.ids import TenantId
from rag_service.errors import GeneratorUnavailable
from rag_service.settings import AnswerSettings, GenerationSettings
from rag_service.use_cases.answering.answer_cache import AnswerCache
from rag_service.use_cases.ask_question import AskQuestion
from tests.unit.asking import SCOPE, AnswerShelf, Scripted, asked, asker

QUESTION = asked("Which port does the service start on?")
FIRST, SECOND = "The service starts on port 8000. [1] ", "Rollback takes a second. [2]"
MANY = 500


async def answered(ask: AskQuestion, scope: AccessScope = SCOPE) -> Answer:
    return [event async for event in ask(scope, QUESTION)][-1].answer  # type: ignore[union-attr]


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("entries", [0, 1000], ids=["nothing is kept", "kept"])
async def test_many_who_ask_the_same_wait_for_one_generator(entries: int) -> None:
    gate, shelf = asyncio.Event(), AnswerShelf()
    generator = Scripted([FIRST, gate, SECOND])
    ask = asker(generator, shelf=shelf, cache=AnswerCache(AnswerSettings(cache_entries=entries)))
    asking = [asyncio.create_task(answered(ask)) for _ in range(MANY)]
    await settled()

    gate.set()
    answers = await asyncio.gather(*asking)

    assert generator.begun == 1
    assert {answer.text for answer in answers} == {FIRST + SECOND}
    assert len({answer.id for answer in shelf.answers}) == MANY


async def test_only_one_of_them_pays() -> None:
    gate = asyncio.Event()
    ask = asker(Scripted([gate, FIRST]))
    asking = [asyncio.create_task(answered(ask)) for _ in range(5)]
    await settled()

    gate.set()
    answers = await asyncio.gather(*asking)

    assert sorted((answer.usage.prompt_tokens, answer.cached) for answer in answers) == [(0, True)] * 4 + [(5, False)]


async def test_who_comes_late_gets_it_from_the_beginning() -> None:
    gate = asyncio.Event()
    ask = asker(Scripted([FIRST, SECOND[:4], gate, SECOND[4:]]))
    leading = asyncio.create_task(answered(ask))
    await settled()
    late = ask(SCOPE, QUESTION)

    early = [await anext(late), await anext(late)]
    gate.set()
    rest = [event async for event in late]

    assert isinstance(early[0], SourcesFound) and isinstance(early[1], UnitEmitted)
    assert early[1].text + "".join(unit.text for unit in rest if isinstance(unit, UnitEmitted)) == FIRST + SECOND
    assert isinstance(rest[-1], Finished) and rest[-1].answer.text == (await leading).text


async def test_who_asked_first_may_leave_without_disturbing_the_others() -> None:
    gate = asyncio.Event()
    generator = Scripted([FIRST, gate, SECOND])
    ask = asker(generator)
    asking = [asyncio.create_task(answered(ask)) for _ in range(3)]
    await settled()

    asking[0].cancel()
    await settled()
    gate.set()
    _, *others = await asyncio.gather(*asking, return_exceptions=True)

    assert [isinstance(answer, Answer) and answer.text for answer in others] == [FIRST + SECOND] * 2
    assert generator.begun == 1


async def test_when_the_last_one_leaves_the_generator_is_stopped() -> None:
    generator = Scripted([FIRST, asyncio.Event()])
    ask = asker(generator)
    asking = [asyncio.create_task(answered(ask)) for _ in range(3)]
    await settled()
    assert not generator.closed

    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)

    assert generator.closed


async def test_who_asks_after_all_have_left_begins_anew() -> None:
    gate = asyncio.Event()
    generator = Scripted([gate, FIRST])
    ask = asker(generator)
    leaving = asyncio.create_task(answered(ask))
    await settled()

    leaving.cancel()
    coming = asyncio.create_task(answered(ask))
    await settled()
    gate.set()

    assert ((await coming).text, generator.begun) == (FIRST.strip(), 2)


async def test_a_generator_that_fails_leaves_the_same_to_all() -> None:
    gate = asyncio.Event()
    generator = Scripted([gate, GeneratorUnavailable("gone")])
    ask = asker(generator)
    asking = [asyncio.create_task(answered(ask)) for _ in range(3)]
    await settled()

    gate.set()
    answers = await asyncio.gather(*asking)

    assert {(answer.generator, answer.reason) for answer in answers} == {("extractive-2", "generator_failed")}
    assert len({answer.text for answer in answers}) == 1 and generator.begun == 1


async def test_an_error_that_nobody_foresaw_reaches_all() -> None:
    gate = asyncio.Event()
    ask = asker(Scripted([gate, RuntimeError("a bug")]))
    asking = [asyncio.create_task(answered(ask)) for _ in range(3)]
    await settled()

    gate.set()
    ends = await asyncio.gather(*asking, return_exceptions=True)

    assert [type(end) for end in ends] == [RuntimeError] * 3


async def test_with_other_rights_nobody_joins() -> None:
    gate = asyncio.Event()
    generator = Scripted([gate, FIRST])
    ask = asker(generator)
    asking = [asyncio.create_task(answered(ask, scope)) for scope in (SCOPE, replace(SCOPE, tenant_id=TenantId("u")))]
    await settled()

    gate.set()
    answers = await asyncio.gather(*asking)

    assert (generator.begun, [answer.cached for answer in answers]) == (2, [False, False])


async def test_only_so_many_answers_are_written_at_the_same_time() -> None:
    gate = asyncio.Event()
    generator = Scripted([gate, FIRST])
    ask = asker(generator, generation=GenerationSettings(at_once=2))
    questions = [asked(f"Which port, number {number}, does the service start on?") for number in range(5)]

    async def answer(number: int) -> int:
        return len([event async for event in ask(SCOPE, questions[number])])

    asking = [asyncio.create_task(answer(number)) for number in range(5)]
    await settled()
    begun = generator.begun
    gate.set()

    assert (begun, await asyncio.gather(*asking), generator.begun) == (2, [3] * 5, 5)
