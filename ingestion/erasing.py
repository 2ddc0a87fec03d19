"""What a worker does for an erasure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from ingestion.handlers import choose_first
from ingestion.leases import still_held_of
from rag_service.domain.access import system_scope
from rag_service.domain.ids import ErasureId, JobId
from rag_service.domain.jobs import Job
from rag_service.errors import NotFound, RagError
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.reasons import ReasonCode
from rag_service.use_cases.erasing.carry_out_erasure import CarryOutErasure


class ErasureHandler:
    """Carries out erasures, one at a time."""

    limit = 1
    choose = staticmethod(choose_first)

    def __init__(self, carry_out: CarryOutErasure, *, catalog: Catalog, clock: Callable[[], datetime]) -> None:
        self._carry_out = carry_out
        self._catalog = catalog
        self._clock = clock

    async def run(self, jobs: Sequence[Job]) -> Mapping[JobId, RagError]:
        """Carry the erasures out."""
        for job in jobs:
            await self._run(job)
        return {}

    def reason_of(self, error: Exception) -> tuple[ReasonCode, bool]:
        """Whatever stops an erasure may pass."""
        return ReasonCode.INTERNAL, not isinstance(error, NotFound)

    async def bury(self, tx: Transaction, job: Job, reason: ReasonCode, detail: str) -> None:
        """Leave it to a person: nobody sees what was to be erased, and the service asks again when it starts."""

    async def _run(self, job: Job) -> None:
        await self._carry_out(
            system_scope(job.tenant_id),
            ErasureId(job.subject),
            still_held=still_held_of(self._catalog, job),
            end=lambda tx: tx.jobs.succeed([job], now=self._clock()),
        )
