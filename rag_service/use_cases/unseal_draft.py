"""Take a sealed draft back: its number is given up, what it wrote is undone, and it is open again."""

from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import Draft, DraftState
from rag_service.domain.ids import DraftId
from rag_service.ports.catalog import Catalog
from rag_service.ports.vector_index import VectorIndex
from rag_service.use_cases.chunk_progress import OnChunks, unheard
from rag_service.use_cases.seal_plan import StillHeld, fingerprint_of, number_of, written_by_seal
from rag_service.use_cases.version_points import UndoPoints


class UnsealDraft:
    """Undoes a seal, finished or not.

    Order: first nobody can ask the draft any more, then the points go, then the rows that say which points these were.
    """

    def __init__(self, *, catalog: Catalog, index: VectorIndex) -> None:
        self._catalog = catalog
        self._undo_points = UndoPoints(catalog=catalog, index=index)

    async def __call__(
        self, scope: AccessScope, draft_id: DraftId, *, still_held: StillHeld, on_chunks: OnChunks = unheard
    ) -> None:
        """Open the draft again. Safe to repeat, also after a crash at any point.

        Raises:
            Conflict: the draft is published or discarded.
            LeaseLost: by `still_held`; nothing is written after that.
        """
        async with self._catalog.writing() as tx:
            await still_held(tx)
            draft = await tx.drafts.get(scope, draft_id)
            if draft.state is DraftState.OPEN:
                return
            draft = await tx.drafts.start_unsealing(scope, draft_id)
        await self.finish(scope, draft, still_held=still_held, on_chunks=on_chunks)

    async def finish(
        self, scope: AccessScope, draft: Draft, *, still_held: StillHeld, on_chunks: OnChunks = unheard
    ) -> None:
        """Go on with a draft that is unsealing."""
        async with self._catalog.reading() as tx:
            written = await written_by_seal(tx, scope, draft)
        await self._undo_points(
            scope,
            draft.corpus_id,
            fingerprint_of(draft),
            number_of(draft),
            written,
            still_held=still_held,
            on_chunks=on_chunks,
        )
        async with self._catalog.writing() as tx:
            await still_held(tx)
            await tx.drafts.finish_unsealing(scope, draft.id)
