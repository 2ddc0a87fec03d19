"""What is said beside scores of how far those who gave them agree with people."""

from typing import Any

from rag_service.domain.agreements import AGREEMENT_SUITE, JUDGE_KAPPA, VERIFIER_KAPPA, with_agreement
from rag_service.domain.evaluations import EvalRun, EvalRunState
from tests.evaluation_values import figure, run

JUDGE = "m at 127.0.0.1:9, seed 0"
VERIFIER = {"verifier": "lexical", "own embedder": "hashing", "support threshold": "0.6"}
JUDGED = run(
    judge=JUDGE, made_with=VERIFIER, figures=(figure("ragas: faithfulness"), figure("faithfulness (verifier)"))
)


def agreement(*, day: int = 3, **options: Any) -> EvalRun:
    figures = (figure(JUDGE_KAPPA, 0.5), figure(VERIFIER_KAPPA, 0.25))
    values = {"suite": AGREEMENT_SUITE, "judge": JUDGE, "made_with": VERIFIER, "figures": figures}
    return run(day=day, **values | options)


def notes(*measured: EvalRun, of: EvalRun = JUDGED) -> tuple[str, ...]:
    return with_agreement(of, measured).notes


def test_the_newest_kappa_of_judge_and_verifier_is_said_with_bounds_and_sample() -> None:
    older = agreement(day=2, figures=(figure(JUDGE_KAPPA, 0.1), figure(VERIFIER_KAPPA, 0.1)))

    said = "Cohen's kappa {}, 10 of 10 labelled answers (2026-01-04, eval_3)."
    assert notes(agreement(), older) == (
        "How far the judge agrees with people on faithfulness: " + said.format("0.50 (0.40 to 0.60)"),
        "How far the verifier agrees with people on faithfulness: " + said.format("0.25 (0.15 to 0.35)"),
    )


def test_what_nobody_measured_is_said_to_be_unmeasured() -> None:
    assert notes() == (
        "How far the judge agrees with people is not measured: `rag eval agreement` does that.",
        "How far the verifier agrees with people is not measured: `rag eval agreement` does that.",
    )


def test_the_agreement_of_another_judge_or_verifier_says_nothing() -> None:
    other = agreement(judge="m at 127.0.0.1:9, seed 1", made_with=VERIFIER | {"support threshold": "0.7"})

    assert notes(other) == notes()


def test_a_measurement_that_failed_says_nothing() -> None:
    assert notes(agreement(state=EvalRunState.FAILED)) == notes()


def test_a_kappa_that_could_not_be_taken_is_missing_with_its_reason() -> None:
    mute = agreement(figures=(figure(JUDGE_KAPPA, None, missing={"the judge did not answer in time": 10}),))

    assert notes(mute)[0].endswith(
        "it could not be measured, 0 of 10 labelled answers (10 × the judge did not answer in time) (2026-01-04, eval_3)."
    )


def test_nothing_is_said_beside_scores_that_neither_gave() -> None:
    assert notes(agreement(), of=run()) == ()
    assert notes(agreement(), of=agreement()) == ()
