"""Golden questions that a judge writes by RAGAS's test-set generation, over a real corpus and a judge on this machine."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest
from click.testing import CliRunner

from eval import synthesise
from eval.bootstrap import Evaluation
from eval.metrics.ragas import COMMAND, Judge
from eval.metrics.ragas_process import RagasProcess
from eval.testset import UNSUPPORTED, NoQuestions, Proposed, propose_by_judge
from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope
from rag_service.domain.golden import GoldenState, GoldQuote, Origin
from rag_service.errors import NotFound
from tests.integration.desk import Desk
from tests.integration.evaluating import HOUSE, open_house
from tests.judge_server import JudgeServer, Mood, judge_server
from tests.patience import PATIENCE_S

WRITTEN = {
    "parking": ("Until when is parking open?", "The car park of the main building closes at 22:30 every evening."),
    "canteen": ("What is served on Thursdays?", "The canteen is closed on Mondays and sells 900 cakes."),
    "badges": ("Where are lost badges reported?", "Lost badges are reported to the security desk within one hour."),
}


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    pytest.importorskip("instructor", reason="the extra 'eval' is not installed")
    return await open_house(Desk(worker=worker, admin=admin, corpus="house"))


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    with judge_server() as running:
        running.answers = {
            "NEROutput": lambda asked: {"entities": ["the house"]},
            "PersonaThemesMapping": lambda asked: {"mapping": {"Newcomer": ["the house"]}},
            "GeneratedQueryAnswer": written,
        }
        yield running


def written(asked: str) -> dict[str, Any]:
    """Answer as a model that is right about parking, wrong about the canteen, and has nothing to ask about travel."""
    paragraph = asked.rpartition("Now perform the same")[2]
    key = next(key for key, text in HOUSE.items() if text.rpartition("\n")[2] in paragraph)
    question, answer = WRITTEN.get(key, ("", ""))
    return {"query": question, "answer": answer}


async def proposed(desk: Desk, server: JudgeServer, scope: AccessScope | None = None) -> Proposed:
    evaluation = Evaluation(container=desk.worker.container, scope=scope or desk.admin)
    judge = Judge(base_url=server.url, model="writer", timeout_s=PATIENCE_S)
    return await propose_by_judge(evaluation, judge, corpus="house", seed=1, limit=9)


async def test_only_what_is_new_and_stands_in_its_paragraph_is_proposed(desk: Desk, server: JudgeServer) -> None:
    found = await proposed(desk, server)

    [question] = found.grown.added
    assert (question.question, question.answers[0]) == WRITTEN["parking"]
    assert question.quotes == (GoldQuote(document_key="parking", text=HOUSE["parking"].rpartition("\n")[2]),)
    assert (question.state, question.origin) == (GoldenState.PROPOSED, Origin.SYNTHESIS)
    assert (question.origin_ref or "").startswith("writer at 127.0.0.1")
    assert (found.paragraphs, found.grown.duplicates) == (4, 1)
    assert found.failures == {UNSUPPORTED: 1, "no question with an answer was written by the judge": 1}


async def test_what_a_judge_does_wrong_costs_only_the_question(server: JudgeServer) -> None:
    pytest.importorskip("instructor", reason="the extra 'eval' is not installed")
    judge = Judge(base_url=server.url, model="writer", timeout_s=PATIENCE_S)
    process = await RagasProcess.start(COMMAND)
    await process.ready({"judge": asdict(judge), "names": [], "sample_s": 0})
    found = []
    for mapped, mood in ((["the house"], Mood.BROKEN), (["the house"], Mood.MALFORMED), (["another"], Mood.VALID)):
        server.mood = mood
        server.answers["PersonaThemesMapping"] = lambda asked, themes=mapped: {"mapping": {"Newcomer": themes}}
        await process.send({"paragraphs": ["The house has a roof."]})
        found += (await asyncio.wait_for(process.receive(), PATIENCE_S))["questions"]
    await process.aclose()

    assert [one["failure"] for one in found] == [
        "the judge failed: InternalServerError",
        "no valid answer came from the judge",
        "nothing to ask about was found by the judge",
    ]


async def test_who_may_not_evaluate_sends_nothing_to_the_judge(desk: Desk, server: JudgeServer) -> None:
    with pytest.raises(NotFound):
        await proposed(desk, server, scope=replace(desk.admin, permissions=frozenset()))
    assert server.asked == []


async def test_without_ragas_that_is_said(desk: Desk, server: JudgeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    failure = json.dumps({"failure": "ragas cannot be loaded"})
    monkeypatch.setattr("eval.testset.COMMAND", ("/bin/sh", "-c", f"read line; echo '{failure}'"))

    with pytest.raises(NoQuestions, match="ragas cannot be loaded"):
        await proposed(desk, server)


def test_without_a_judge_that_is_said() -> None:
    done = CliRunner().invoke(synthesise.main, ["--corpus", "house", "--key", "k"])

    assert (done.exit_code, "--judge-url" in done.output) == (1, True)
