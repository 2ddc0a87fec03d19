from rag_service.domain.gates import Cause, RegressionKind
from rag_service.use_cases.gate_words import CAUSES, KINDS


def test_whatever_a_gate_may_find_has_words() -> None:
    assert set(CAUSES) == set(Cause)
    assert set(KINDS) == set(RegressionKind)
