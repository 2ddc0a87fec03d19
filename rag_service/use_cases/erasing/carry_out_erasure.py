"""Carry out an erasure: store by store, then look whether anything is left, then sign what was done."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from rag_service.domain.access import AccessScope
from rag_service.domain.erasures import Erasure, ErasurePlan, ErasureState, Removal, receipt_of
from rag_service.domain.ids import ErasureId
from rag_service.domain.remembered import forget_texts
from rag_service.errors import DependencyUnavailable
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.eraser import Compacts, Eraser, Held
from rag_service.ports.signer import Signer


class CarryOutErasure:
    """Runs the erasers in order. Safe to repeat, also after a crash at any point."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        files: Compacts,
        erasers: Sequence[Eraser],
        signer: Signer,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._files = files
        self._erasers = erasers
        self._signer = signer
        self._clock = clock

    @property
    def erasers(self) -> Sequence[Eraser]:
        """One for each store."""
        return self._erasers

    async def __call__(
        self,
        scope: AccessScope,
        erasure_id: ErasureId,
        *,
        still_held: Held,
        end: Callable[[Transaction], Awaitable[object]],
    ) -> Erasure:
        """Return the erasure with its receipt; `end` closes the job in the transaction that keeps it.

        Raises:
            SlotTaken: a draft of the corpus is being sealed: that has to end first.
            DependencyUnavailable: a store is down, or something is still found; repeating helps.
            LeaseLost: by `still_held`; nothing is changed after that.
        """
        erasure = await self._read(scope, erasure_id)
        if erasure.state is not ErasureState.DONE:
            erasure = self._signed(await self._erased(scope, erasure_id, still_held))
        async with self._catalog.writing() as tx:
            await still_held(tx)
            await tx.erasures.note(scope, erasure)
            await end(tx)
        # Looking for what repeats its words has read them here.
        forget_texts()
        # The plan was still needed to look for what is left; its hashes go from the files too.
        with suppress(DependencyUnavailable):
            await self._files.compact()
        return erasure

    async def _erased(self, scope: AccessScope, erasure_id: ErasureId, still_held: Held) -> Erasure:
        removal = Removal()
        for eraser in self._erasers:
            await still_held()
            erasure = await self._read(scope, erasure_id)
            removal = removal.plus(await eraser.erase(scope, erasure, still_held=still_held))
        erasure = await self._read(scope, erasure_id)
        probes: dict[str, int] = {}
        for eraser in self._erasers:
            probes |= await eraser.probe(scope, erasure)
        left = sorted(name for name, count in probes.items() if count)
        if left:
            raise DependencyUnavailable(f"Erasure {erasure_id} still finds some of: {', '.join(left)}.")
        return replace(erasure, removal=erasure.removal.plus(removal), probes=probes)

    def _signed(self, erasure: Erasure) -> Erasure:
        finished_at = self._clock()
        receipt = receipt_of(erasure, finished_at=finished_at, removal=erasure.removal, probes=erasure.probes)
        return replace(
            erasure,
            state=ErasureState.DONE,
            plan=ErasurePlan(),
            finished_at=finished_at,
            receipt=receipt,
            signature=self._signer.sign(receipt.encode("ascii")),
            public_key=self._signer.public_key,
        )

    async def _read(self, scope: AccessScope, erasure_id: ErasureId) -> Erasure:
        async with self._catalog.reading() as tx:
            return await tx.erasures.get(scope, erasure_id)
