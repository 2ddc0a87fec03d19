"""What RAGAS is given of a case, and by whom it is judged."""

import pytest
from pydantic import TypeAdapter, ValidationError

from eval.judging import JudgeByRagas, judge_of, sample_of
from eval.metrics.ragas import NAMES, Sample
from eval.metrics.scores import Score
from eval.metrics.suite_scores import ABSTAINED
from eval.suites import Targets
from rag_service.domain.metric_names import LATENCY, of_ragas
from rag_service.settings import EvaluationSettings
from tests.unit.eval.case_evidence import SKY, evidence, found


class OneScore:
    """RAGAS that scores whatever it is given, and remembers it."""

    def __init__(self) -> None:
        self.given: list[Sample] = []

    async def scores(self, sample: Sample) -> dict[str, Score]:
        self.given.append(sample)
        return {"BLEU": Score(0.5)}


async def test_an_answer_is_scored_under_the_name_of_its_figure() -> None:
    assert await JudgeByRagas(OneScore(), [])(evidence()) == {"ragas: BLEU": Score(0.5)}


@pytest.mark.parametrize(
    ("changes", "reason"), [({"status": "abstained"}, ABSTAINED), ({"failure": "it is down"}, "it is down")]
)
async def test_what_was_not_answered_is_missing_and_not_sent_to_a_judge(changes, reason: str) -> None:
    ragas = OneScore()

    scores = await JudgeByRagas(ragas, NAMES)(evidence(**changes))

    assert scores == {of_ragas(name): Score(None, reason) for name in NAMES}
    assert ragas.given == []


async def test_a_question_without_a_right_answer_has_no_ragas_scores() -> None:
    assert await JudgeByRagas(OneScore(), [])(evidence(answerable=False)) == {}


def test_ragas_sees_the_answer_without_marks_and_the_first_wording_of_the_expected_one() -> None:
    sample = sample_of(evidence(expected=["blue", "azure"]))

    assert (sample.response, sample.reference) == ("The sky is blue.", "blue")


def test_a_gold_sentence_is_not_compared_with_passages_as_a_whole() -> None:
    long = found("a", "The sky is blue. " * 9)

    assert sample_of(evidence(found=[long])).reference_contexts == ()
    assert sample_of(evidence(found=[found("a")])).reference_contexts == (SKY["text"],)


def test_a_judge_needs_an_address_and_a_model() -> None:
    assert judge_of(EvaluationSettings(judge_url="http://127.0.0.1:1/v1")) is None


def test_the_settings_pin_the_judge() -> None:
    settings = EvaluationSettings(
        judge_url="http://127.0.0.1:1/v1", judge_model="m", judge_key="k", judge_seed=3, judge_timeout_s=5.0, parallel=2
    )

    judge = judge_of(settings)

    assert (judge.model, judge.api_key, judge.seed, judge.timeout_s, judge.parallel) == ("m", "k", 3, 5.0, 2)


def test_a_figure_of_which_less_is_better_takes_no_target() -> None:
    with pytest.raises(ValidationError, match="less is better"):
        TypeAdapter(Targets).validate_python({LATENCY: 100.0})
