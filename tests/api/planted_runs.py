"""Runs that are planted in the catalog."""

from collections.abc import Sequence
from dataclasses import replace

from rag_service.domain.evaluations import CaseResult, EvalRun
from rag_service.domain.ids import CorpusId, EvalRunId
from tests.api.parts import Service
from tests.evaluation_values import keep_results


async def plant(service: Service, corpus_id: str, one: EvalRun, found: Sequence[CaseResult] = ()) -> EvalRunId:
    """Keep a run over a corpus with its results; return its id."""
    one = replace(one, corpus_id=CorpusId(corpus_id), tenant_id=service.scope.tenant_id)
    async with service.parts.catalog.writing() as tx:
        await tx.eval_runs.add(service.scope, one)
        await keep_results(tx, service.scope, one, found)
    return one.id
