"""A run in the catalog while it goes on: what is known of it is there after every few questions."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from rag_service.domain.access import AccessScope
from rag_service.domain.evaluations import CaseResult, EvalRun
from rag_service.ports.catalog import Catalog
from rag_service.use_cases.seal_plan import StillHeld

_BATCH = 16
"""Results that are written together; a run cut short asks at most so many again."""


class KeptRun:
    """Keeps results and figures. Nothing is written once `still_held` raises: the run is another worker's then."""

    def __init__(self, *, catalog: Catalog, scope: AccessScope, run: EvalRun, still_held: StillHeld) -> None:
        self.run = run
        self._catalog = catalog
        self.scope = scope
        self._still_held = still_held
        self._waiting: list[CaseResult] = []
        self._one_at_a_time = asyncio.Lock()

    async def change(self, **changes: Any) -> EvalRun:
        """Write what is known about the run, and return it."""
        changed = replace(self.run, **changes)
        async with self._catalog.writing() as tx:
            await self._still_held(tx)
            await tx.eval_runs.change(self.scope, changed)
        self.run = changed
        return changed

    async def results(self) -> list[CaseResult]:
        """Return what the run has."""
        async with self._catalog.reading() as tx:
            return await tx.eval_runs.results(self.scope, self.run.id)

    async def known(self, keys: Collection[str]) -> dict[str, CaseResult]:
        """Return results of other runs over the corpus that would come out the same, by cache key."""
        async with self._catalog.reading() as tx:
            return await tx.eval_runs.cached(self.scope, self.run.corpus_id, keys)

    async def add(self, result: CaseResult) -> None:
        """Keep a result of a question; it is written with the next few."""
        self._waiting.append(result)
        if len(self._waiting) >= _BATCH:
            await self.flush()

    async def flush(self) -> None:
        """Write what waits to be written."""
        async with self._one_at_a_time:
            batch, self._waiting = self._waiting, []
            if batch:
                await self.put(batch, done=self.run.done + len(batch))

    async def put(self, results: Sequence[CaseResult], *, done: int) -> None:
        """Write results, and how many questions are done with."""
        changed = replace(self.run, done=done)
        async with self._catalog.writing() as tx:
            await self._still_held(tx)
            await tx.eval_runs.add_results(self.scope, self.run.id, results)
            await tx.eval_runs.change(self.scope, changed)
        self.run = changed
