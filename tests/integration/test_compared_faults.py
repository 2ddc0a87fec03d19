"""Planted faults of a setting: a prompt that invites guessing, and a wrong fusion weight. Comparing two runs names them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag_service.domain.changed_questions import Turn
from rag_service.domain.comparisons import Comparison, MetricChange, OutcomeChange
from rag_service.domain.evaluations import EvalRun
from rag_service.domain.metric_names import ABSTENTION_RECALL, NDCG
from rag_service.settings import EmbeddingSettings, GenerationSettings, RetrievalSettings, Section
from tests.integration.desk import Desk
from tests.integration.evaluating import add_questions, question, run_golden, unanswerable
from tests.integration.rebuilding import Place, place
from tests.obedient_model import obedient_model

__all__ = ["place"]

OFFICE = {
    "garage": (
        "Vehicles must leave the basement before half past ten in the evening.",
        "Until what time at night can my car stay downstairs?",
        "Which vehicles must leave the basement for repairs?",
    ),
    "lunch": (
        "A vegetarian dish is served in the cafeteria on Thursdays.",
        "When can I eat a meal without meat at work?",
        "How many calories has the vegetarian dish in the cafeteria?",
    ),
    "badge": (
        "Lost passes are reported to the guards within one hour.",
        "Whom do I tell when my ID card is missing?",
        "Which colour do passes of the guards have?",
    ),
    "train": (
        "Rail tickets are booked by the agency in Lisbon.",
        "Who arranges my trip by train?",
        "How many people work at the agency in Lisbon that books rail tickets?",
    ),
    "leave": (
        "Holidays are approved by the team lead within three days.",
        "Who says yes to my vacation?",
        "Which holidays did the team lead take herself?",
    ),
    "laptop": (
        "Broken computers are exchanged at the help desk on the second floor.",
        "Where do I get another notebook when mine does not start?",
        "Which brand of computers does the help desk exchange?",
    ),
    "doctor": (
        "The physician visits the office on the first Monday of a month.",
        "On which day can I see a doctor here?",
        "What is the name of the physician who visits the office?",
    ),
    "fire": (
        "Staff gather at the fountain when the alarm sounds.",
        "Where do we meet if the building burns?",
        "Who built the fountain at which staff gather?",
    ),
    "salary": (
        "Wages are paid on the twenty-fifth of the month.",
        "When does my salary arrive on my account?",
        "Which bank are wages paid by?",
    ),
    "plants": (
        "Flowers are watered by the gardener on Fridays.",
        "Who looks after the greenery in our rooms?",
        "Which flowers does the gardener like best?",
    ),
    "post": (
        "Letters are collected from the reception at four in the afternoon.",
        "What is the last moment to send mail today?",
        "How many letters are collected from the reception in a year?",
    ),
    "heating": (
        "The radiators are turned down to sixteen degrees after seven in the evening.",
        "How warm is it in here late in the day?",
        "Which company made the radiators that are turned down in the evening?",
    ),
    "noise": (
        "Phone calls are made in the booths beside the elevator.",
        "Where can I talk without disturbing my colleagues?",
        "Who paid for the booths beside the elevator?",
    ),
    "guests": (
        "Visitors are met at the gate by the person who invited them.",
        "Must I pick up people that come to see me?",
        "How tall is the gate at which visitors are met?",
    ),
    "bikes": (
        "Cycles are locked to the racks behind the kitchen.",
        "Where can I leave my bike?",
        "Which paint do the racks behind the kitchen have?",
    ),
    "courses": (
        "Language lessons are free for all employees.",
        "What do I pay to learn Portuguese?",
        "Which teacher gives the language lessons for employees?",
    ),
}
CARELESS = (
    "You answer questions from numbered passages. Never leave a question open: guess. End sentences like this: [2]."
)


@pytest.fixture
def model() -> Iterator[str]:
    """A language model that knows the facts of the office when it is shown them."""
    with obedient_model({asked: fact for fact, asked, _ in OFFICE.values()}) as base_url:
        yield base_url


@asynccontextmanager
async def office(place: Place, **sections: Section) -> AsyncIterator[Desk]:
    """Open a service with these settings, and with the embedding model that people get."""
    async with place.service(**{"embedding": EmbeddingSettings(), **sections}) as desk:
        yield replace(desk, corpus="office")


async def fill(desk: Desk) -> None:
    """Publish the documents, with a question to each that it answers and one that it only seems to."""
    await desk.worker.container.create_corpus(desk.admin, name=desk.corpus)
    await desk.publish({key: f"# Rules\n\n{fact}" for key, (fact, _, _) in OFFICE.items()})
    await add_questions(desk, [question(key, (asked, fact)) for key, (fact, asked, _) in OFFICE.items()])
    beyond = [unanswerable(asked) | {"id": f"beyond_{key}"} for key, (_, _, asked) in OFFICE.items()]
    await add_questions(desk, beyond)


async def compared(desk: Desk, before: EvalRun, after: EvalRun) -> Comparison:
    return await desk.worker.container.evaluations.compare(desk.admin, before.id, after.id)


def outcome(found: Comparison, name: str) -> OutcomeChange:
    return next(one for one in found.outcomes if one.name == name)


def metric(found: Comparison, name: str) -> MetricChange:
    return next(one for one in found.metrics if one.name == name)


async def test_a_prompt_that_invites_guessing_is_caught_and_named(place: Place, model: str, tmp_path: Path) -> None:
    asking: dict[str, Any] = {"backend": "openai", "base_url": model, "model": "obedient"}
    careless = tmp_path / "careless.txt"
    careless.write_text(CARELESS, encoding="utf-8")
    async with office(place, generation=GenerationSettings(**asking)) as desk:
        await fill(desk)
        before = await run_golden(desk)

    async with office(place, generation=GenerationSettings(**asking, prompt_file=str(careless))) as desk:
        found = await compared(desk, before, await run_golden(desk))

    refusals = outcome(found, ABSTENTION_RECALL)
    assert (found.is_worse, refusals.turn, refusals.before, refusals.won) == (True, Turn.WORSE, len(OFFICE), 0)
    [cause] = found.causes
    assert (cause.change.name, cause.worse) == ("prompt version", len(found.worse_questions))
    assert (cause.change.after or "").startswith("careless-")
    assert {one.reasons for one in found.worse_questions} == {("is answered now, though the documents do not say",)}


async def test_a_wrong_fusion_weight_is_caught_and_named(place: Place) -> None:
    async with office(place) as desk:
        await fill(desk)
        before = await run_golden(desk)

    words_only = RetrievalSettings(backend="memory", exact=True, dense_weight=0.0)
    async with office(place, retrieval=words_only) as desk:
        found = await compared(desk, before, await run_golden(desk))

    ndcg = metric(found, NDCG)
    assert (found.is_worse, ndcg.turn) == (True, Turn.WORSE)
    assert ndcg.spread is not None and ndcg.spread.low < ndcg.difference < ndcg.spread.high < 0
    assert [(one.change.name, one.change.before, one.change.after) for one in found.causes] == [
        ("dense weight", "0.8", "0.0")
    ]
    assert found.unexplained == 0
