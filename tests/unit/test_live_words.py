"""What has drifted, in words."""

import pytest

from rag_service.domain.live import ABSTENTION, SUPPORT
from rag_service.domain.live_words import told
from rag_service.domain.metric_names import COST, LATENCY
from tests.live_values import drift


@pytest.mark.parametrize(
    ("measure", "before", "now", "words"),
    [
        (SUPPORT, 0.9, 0.7, "The support of answers by their quotes fell from 0.90 to 0.70"),
        (ABSTENTION, 0.1, 0.25, "The share of abstentions rose from 10% to 25%"),
        (LATENCY, 90.2, 1234.5, "The time an answer takes, in ms, rose from 90 to 1,234"),
        (COST, 0.00041, 0.0005, "The cost of an answer rose from 0.00041 to 0.0005"),
        (SUPPORT, 0.701, 0.702, "The support of answers by their quotes is spread otherwise around 0.70"),
    ],
)
def test_a_drift_says_whither(measure: str, before: float, now: float, words: str) -> None:
    assert told(drift(measure, reference=before, current=now)) == f"{words} (120 answers beside 1400; PSI 0.50)."
