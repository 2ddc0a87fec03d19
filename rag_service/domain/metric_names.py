"""What the figures of evaluations are called, in every report, row and target, and why their scores can be missing."""

from typing import Final, Literal, get_args

from rag_service.domain.evaluation_watch import REGRESSED

RECALL: Final = "recall@5"
MRR: Final = "MRR@5"
NDCG: Final = "nDCG@5"
CONTEXT_PRECISION: Final = "context precision"
CONTEXT_RECALL: Final = "context recall"
CITATION_PRECISION: Final = "citation precision"
CITATION_RECALL: Final = "citation recall"
CITATIONS_RESOLVE: Final = "citations resolve"
SUPPORT_RATE: Final = "support rate"
EXACT_MATCH: Final = "exact match"
TOKEN_F1: Final = "token F1"  # noqa: S105
CONTAINS_ANSWER: Final = "contains the answer"
NUMBER_MATCH: Final = "number match"
ABSTENTION_PRECISION: Final = "abstention precision"
ABSTENTION_RECALL: Final = "abstention recall"
ABSTENTION_F1: Final = "abstention F1"
FALSE_ABSTENTION: Final = "false abstention rate"
FAITHFULNESS: Final = "faithfulness (verifier)"
RELEVANCE: Final = "relevance (embedding)"
LATENCY: Final = "latency ms"
LATENCY_P95: Final = "latency ms p95"
TOKENS: Final = "tokens"
COST: Final = "cost"

CURRENCY: Final = "currency"
"""What a run says that its costs are in, among what it was made with."""

UNPRICED: Final = "the price or the tokens of the model are not known"
"""Why a cost is missing."""

RAGAS_PREFIX: Final = "ragas: "
NOISE_SENSITIVITY: Final = "noise sensitivity"

JudgedMetric = Literal[
    "faithfulness",
    "answer relevancy",
    "judged context precision",
    "judged context recall",
    "context relevance",
    "factual correctness",
    "noise sensitivity",
]
JUDGED: Final[tuple[JudgedMetric, ...]] = get_args(JudgedMetric)
"""The metrics of RAGAS that ask a language model."""

SPENT: Final = frozenset({LATENCY, LATENCY_P95, TOKENS, COST})
"""What an answer takes, not how good it is."""

LESS_IS_BETTER: Final = SPENT | {FALSE_ABSTENTION, REGRESSED, f"{RAGAS_PREFIX}{NOISE_SENSITIVITY}"}
"""These have no target: a target is the least value that passes."""

UNAVAILABLE: Final = "could not be measured"
"""How a reason begins when a part of the service was down."""

RAGAS_SILENT: Final = "the ragas process did not answer in time"
RAGAS_ENDED: Final = "the ragas process ended"
RAGAS_OVER: Final = "the time for RAGAS was over"
RAGAS_LATE: Final = "was not measured by RAGAS in time"
OF_THE_JUDGE: Final = "the judge"
"""How every reason begins that is a failure of the judge."""

JUDGING_FAILED: Final = (RAGAS_SILENT, RAGAS_ENDED, RAGAS_OVER, RAGAS_LATE, OF_THE_JUDGE)
"""How the reasons begin for which a score of RAGAS is missing through no fault of the answer."""

TRANSIENT: Final = (UNAVAILABLE, *JUDGING_FAILED)
"""How the reasons begin that may be gone the next time."""


def of_ragas(metric: str) -> str:
    """Return the name of a RAGAS metric among the others."""
    return f"{RAGAS_PREFIX}{metric}"
