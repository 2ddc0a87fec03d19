"""Labelled answers of a corpus, judged over HTTP and by the verifier: the agreement is kept and stands beside their scores."""

from dataclasses import replace

import pytest

from eval.agreeing import MeasureAgreement
from eval.bootstrap import Evaluation
from eval.label_sets import LabelledItem
from eval.metrics.ragas import Judge
from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.agreements import AGREEMENT_SUITE, JUDGE_KAPPA, VERIFIER_KAPPA
from rag_service.domain.evaluations import EvalRunState
from rag_service.errors import NotFound
from tests.evaluation_values import figure
from tests.integration.desk import Desk
from tests.integration.evaluating import HOUSE, open_house, queued, results
from tests.judge_server import judge_server
from tests.patience import PATIENCE_S

RUMOUR = "Everybody parks there for free on Sundays."


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    return await open_house(Desk(worker=worker, admin=admin, corpus="house"))


def labelled(number: int, response: str, *, supported: bool) -> LabelledItem:
    return LabelledItem(
        id=str(number), context=HOUSE["parking"], question="When does it close?", response=response, supported=supported
    )


TRUE = "The car park of the main building closes at 22:30 every evening."
ITEMS = [
    *(labelled(number, TRUE, supported=True) for number in range(5)),
    *(labelled(number, RUMOUR, supported=False) for number in range(5, 9)),
    labelled(9, TRUE, supported=False),
]


async def test_the_agreement_of_judge_and_verifier_is_kept_and_said_beside_their_scores(desk: Desk) -> None:
    pytest.importorskip("instructor", reason="the extra 'eval' is not installed")
    parts = desk.worker.container
    told: list[str] = []
    with judge_server() as server:
        # It calls every answer supported, and falls silent about rumours but the first.
        heard = iter((1,))
        server.verdict = lambda prompt: next(heard, None) if RUMOUR in prompt else 1
        judge = Judge(base_url=server.url, model="m", timeout_s=PATIENCE_S)
        measure = MeasureAgreement(Evaluation(container=parts, scope=desk.admin), judge=judge)

        section = await measure("house", ITEMS, source="labels.jsonl", tell=told.append)

    figures = {one.name: one for one in section.metrics}
    verifier, judged = figures[VERIFIER_KAPPA], figures[JUDGE_KAPPA]
    # It calls 6 of 10 supported, as people do 5 of these: 0.9 observed, 0.5 by chance.
    assert verifier.value == pytest.approx(0.8)
    assert (verifier.measured, verifier.total) == (10, 10)
    assert judged.measured + sum(judged.missing.values()) == judged.total == 10
    assert "no valid answer came from the judge" in judged.missing
    assert told[-1] == "10 of 10 answers"
    await _is_kept(desk, judge, section.notes[0])


async def _is_kept(desk: Desk, judge: Judge, note: str) -> None:
    parts = desk.worker.container
    [kept] = await parts.evaluations.trend(desk.admin, corpus="house", suite=AGREEMENT_SUITE)
    assert (note, kept.run.judge) == (f"Kept as {kept.run.id}.", judge.identity)
    assert await results(desk, kept.run) == {}
    scores = (figure("ragas: faithfulness"), figure("faithfulness (verifier)"))
    run = await queued(
        desk, state=EvalRunState.FINISHED, judge=judge.identity, figures=scores, made_with=kept.run.made_with
    )
    said = (await parts.evaluations.get(desk.admin, run.id)).notes
    assert len(said) == 2 and all(kept.run.id in one for one in said)
    assert "Cohen's kappa 0.80 (" in said[1]


async def test_without_a_judge_only_the_verifier_is_measured(desk: Desk) -> None:
    measure = MeasureAgreement(Evaluation(container=desk.worker.container, scope=desk.admin), judge=None)

    section = await measure("house", ITEMS, source="labels.jsonl", tell=print)

    assert [one.name for one in section.metrics] == [VERIFIER_KAPPA, "balanced accuracy (verifier)"]


async def test_who_may_not_evaluate_measures_nothing(desk: Desk) -> None:
    reader = replace(desk.admin, permissions=frozenset({Permission.CHAT}))
    measure = MeasureAgreement(Evaluation(container=desk.worker.container, scope=reader), judge=None)

    with pytest.raises(NotFound):
        await measure("house", ITEMS, source="labels.jsonl", tell=print)
