"""An answer that was found without a part of the search says nothing of the whole."""

from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from eval.asking import AskCase
from eval.bootstrap import _patient
from eval.datasets.cases import Case
from eval.live.scoring import NO_COSINE, measured
from rag_service.domain.answers import Answer, Finished, Message
from rag_service.domain.live import RETRIEVAL, SUPPORT
from rag_service.settings import RetrievalSettings, Settings
from tests.contract.answer_values import answer
from tests.contract.catalog_values import SYSTEM

CASE = Case(id="one", messages=(Message(role="user", content="When does the car park close?"),), answerable=True)
DEGRADED: Answer = replace(answer(), degraded=("embedding",))


async def test_it_is_asked_once_more_and_then_missing() -> None:
    asked = []

    async def ask(*_: Any, **__: Any) -> AsyncIterator[Finished]:
        asked.append(1)
        yield Finished(answer=DEGRADED)

    container: Any = SimpleNamespace(ask_question=ask)

    evidence, _ = await AskCase(container=container, scope=SYSTEM, corpus="handbook@1")(CASE)

    assert len(asked) == 2 and "DependencyUnavailable" in str(evidence)


async def test_one_whose_passages_were_only_not_all_looked_at_again_counts() -> None:
    looked_at = replace(answer(), citations=(), degraded=("rerank",))

    async def ask(*_: Any, **__: Any) -> AsyncIterator[Finished]:
        yield Finished(answer=looked_at)

    container: Any = SimpleNamespace(ask_question=ask)

    evidence, _ = await AskCase(container=container, scope=SYSTEM, corpus="handbook@1")(CASE)

    assert "DependencyUnavailable" not in str(evidence)


def test_its_missing_cosines_are_not_taken_for_low_ones() -> None:
    scores = measured(DEGRADED)

    assert (scores[RETRIEVAL].value, scores[RETRIEVAL].reason) == (None, NO_COSINE)
    assert scores[SUPPORT].value is not None


def test_an_evaluation_waits_for_every_part() -> None:
    settings = Settings(retrieval=RetrievalSettings(candidates=7))

    assert _patient(settings).retrieval == RetrievalSettings(candidates=7, deadline_s=0)
