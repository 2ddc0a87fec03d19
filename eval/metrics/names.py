"""What the figures are called, in every report, row and target."""

from typing import Final

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

RAGAS_PREFIX: Final = "ragas: "

LESS_IS_BETTER: Final = frozenset(
    {FALSE_ABSTENTION, LATENCY, LATENCY_P95, TOKENS, COST, f"{RAGAS_PREFIX}noise sensitivity"}
)
"""These have no target: a target is the least value that passes."""


def of_ragas(metric: str) -> str:
    """Return the name of a RAGAS metric among the others."""
    return f"{RAGAS_PREFIX}{metric}"
