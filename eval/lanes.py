"""What the loops of an evaluation worker take."""

from ingestion.lanes import Lane, Queue
from rag_service.domain.jobs import JobKind

GATES = Lane(name="gates", queues=(Queue(kinds=frozenset({JobKind.EVALUATE_DRAFT})),))
"""A person waits for a verdict: it is behind no suite, at most behind other verdicts (`RAG_EVALUATION__GATE_JUDGE_S`)."""

SUITES = Lane(name="suites", queues=(Queue(kinds=frozenset({JobKind.RUN_SUITE})),))

LANES = (GATES, SUITES)
