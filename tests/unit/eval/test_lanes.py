"""Which jobs an evaluation worker takes."""

from eval.lanes import GATES, LANES
from rag_service.domain.jobs import JobKind
from rag_service.domain.work_queues import WorkQueue, kinds_of


def test_the_lanes_together_take_every_kind_of_evaluation() -> None:
    assert frozenset().union(*(lane.kinds for lane in LANES)) == kinds_of({WorkQueue.EVAL})


def test_who_waits_for_a_verdict_is_not_behind_runs_of_suites() -> None:
    assert GATES.kinds == {JobKind.EVALUATE_DRAFT}
