"""A corpus learns how much the dense side counts, over a real search of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from eval.bootstrap import Evaluation
from eval.fusion_choice import FusionChoice
from eval.fusion_learning import LearnFusion
from eval.learn_fusion import learned, text_of
from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.degradation import Degradation
from rag_service.errors import DependencyUnavailable, InvalidRequest, NotFound
from rag_service.use_cases.search import Search, SearchResult
from tests.integration.desk import Desk
from tests.integration.evaluating import add_questions, question, run_golden

ENOUGH = 30
ASKED = "What do the rules of the house say today about the {}?"
BESIDE = {f"lure{day}": f"What do the rules of the house say today, on day {day}?" for day in range(4)}


def thing(place: int) -> str:
    """Return a word that stands in one document only."""
    return "".join("bdfgklmnpr"[int(digit)] + "o" for digit in f"{place:03}")


def named(place: int) -> str:
    """Return a document that has the words which all have, and the one that is asked for among many of its own."""
    others = " ".join(f"{filler}{thing(place + 500)}" for filler in "sta gri plu tre cla bru sno fle".split())
    return f"The rules of the house say: the {thing(place)} is kept beside {others}."


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    """Return a corpus in which words find what is asked for, and likeness finds what sounds like the question."""
    desk = Desk(worker=worker, admin=admin, corpus="house")
    await worker.container.create_corpus(admin, name=desk.corpus)
    await desk.publish({f"doc{place}": named(place) for place in range(ENOUGH)} | BESIDE)
    return desk


async def ask_about(desk: Desk, places: Sequence[int]) -> None:
    asked = [(f"doc{place}", (ASKED.format(thing(place)), f"The {thing(place)} is kept beside")) for place in places]
    await add_questions(desk, [question(*each) for each in asked])


def learning(desk: Desk, scope: AccessScope | None = None) -> LearnFusion:
    evaluation = Evaluation(container=desk.worker.container, scope=scope or desk.admin)
    return LearnFusion(evaluation)


async def chosen(desk: Desk) -> FusionChoice:
    return await learning(desk).choose("house", tell=lambda message: None)


async def order(desk: Desk) -> list[str]:
    return [text for text, _ in await desk.found(ASKED.format(thing(3)))]


async def test_where_words_decide_the_corpus_is_searched_by_words_from_then_on(desk: Desk) -> None:
    await ask_about(desk, range(ENOUGH))
    before = await order(desk)

    choice = await chosen(desk)
    await learning(desk).keep("house", choice.learned)

    assert choice.learned is not None and choice.learned < choice.default
    after = await order(desk)
    assert thing(3) in after[0] and thing(3) not in before[0]


async def test_the_command_tells_what_each_weight_comes_to_and_keeps_none_unasked(desk: Desk) -> None:
    await ask_about(desk, range(ENOUGH))
    evaluation = Evaluation(container=desk.worker.container, scope=desk.admin)

    looked = text_of(await learned(evaluation, "house"))
    applied = text_of(await learned(evaluation, "house", applies=True))
    forgotten = text_of(await learned(evaluation, "house", resets=True))

    assert "weight  nDCG@10 (30 questions)" in looked and "  0.8  " in looked
    assert "--apply keeps it.\nhouse is searched with the usual weight." in looked
    assert "house is searched with its own weight, 0." in applied
    assert forgotten == "house is searched with the usual weight."


async def test_a_weight_that_is_no_better_any_more_is_dropped(desk: Desk) -> None:
    await add_questions(
        desk,
        [
            question(f"lure{place % 4}", (f"{BESIDE[f'lure{place % 4}']} ({place})", f"on day {place % 4}"))
            | {"id": f"day{place}"}
            for place in range(ENOUGH)
        ],
    )
    await learning(desk).keep("house", 0.1)

    told = await learned(Evaluation(container=desk.worker.container, scope=desk.admin), "house", applies=True)

    assert (told["learned"], told["dense_weight"]) == (None, None)


async def test_what_was_measured_names_the_weight_of_the_corpus(desk: Desk) -> None:
    await ask_about(desk, [1])
    usual = await run_golden(desk)
    await learning(desk).keep("house", 0.2)

    own = await run_golden(desk)

    assert (usual.made_with["dense weight"], own.made_with["dense weight"]) == ("0.8", "0.2")


async def test_a_weight_can_be_forgotten(desk: Desk) -> None:
    await learning(desk).keep("house", 0.2)
    assert (await learning(desk).corpus("house")).dense_weight == 0.2

    await learning(desk).keep("house", None)

    assert (await learning(desk).corpus("house")).dense_weight is None


async def test_few_questions_teach_nothing(desk: Desk) -> None:
    await ask_about(desk, range(ENOUGH - 1))

    with pytest.raises(InvalidRequest, match="house has 29 accepted golden questions with quotes"):
        await chosen(desk)


async def test_to_keep_a_weight_takes_more_than_to_evaluate(desk: Desk) -> None:
    judge = replace(desk.admin, permissions=frozenset({Permission.EVAL, Permission.CHAT}))
    reader = replace(desk.admin, permissions=frozenset({Permission.CHAT}))

    with pytest.raises(NotFound):
        await learning(desk, judge).keep("house", 0.2)
    with pytest.raises(NotFound):
        await learning(desk, reader).choose("house", tell=lambda message: None)


async def test_a_corpus_of_which_nothing_is_published_teaches_nothing(desk: Desk) -> None:
    await desk.worker.container.create_corpus(desk.admin, name="empty")

    with pytest.raises(InvalidRequest, match="Nothing of empty is published yet"):
        await learning(desk).choose("empty", tell=lambda message: None)


async def test_half_a_search_teaches_nothing(desk: Desk) -> None:
    await ask_about(desk, range(ENOUGH))
    parts = replace(desk.worker.container, search=WordsOnly(desk.worker.container.search))

    with pytest.raises(DependencyUnavailable, match="nothing was learned"):
        await LearnFusion(Evaluation(container=parts, scope=desk.admin)).choose("house", tell=print)


class WordsOnly:
    """Searches as the service does while its embedding model is down."""

    def __init__(self, inner: Search) -> None:
        self._inner = inner

    async def at(self, *asked: Any) -> SearchResult:
        return replace(await self._inner.at(*asked), degraded=(Degradation.EMBEDDING,))
