"""The points of a version, under the build that it is sealed under."""

from rag_service.domain.access import AccessScope
from rag_service.domain.drafts import LIVE_STATES, DraftState
from rag_service.domain.ids import DraftId, Fingerprint
from rag_service.domain.jobs import OPEN_STATES, fill_subject
from rag_service.domain.versions import Corpus
from rag_service.errors import Conflict, SlotTaken
from rag_service.ports.build_parts import BuildParts
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.chunker import Chunkers
from rag_service.ports.sparse_encoder import DocumentFrequencies
from rag_service.ports.vector_index import VectorIndex
from rag_service.use_cases.build_points import WriteLives
from rag_service.use_cases.catch_up import CatchUp
from rag_service.use_cases.chunk_progress import OnChunks, unheard
from rag_service.use_cases.fill_chunks import FillChunks
from rag_service.use_cases.parts_of import parts_of
from rag_service.use_cases.seal_plan import SealPlan, StillHeld
from rag_service.use_cases.version_points import WritePoints


class WriteVersion:
    """Opens the parts of the build, brings it up to the highest version, and from there to the new one."""

    def __init__(self, *, catalog: Catalog, index: VectorIndex, build_parts: BuildParts, chunkers: Chunkers) -> None:
        self._catalog = catalog
        self._build_parts = build_parts
        fill_chunks = FillChunks(catalog=catalog, chunkers=chunkers)
        write_lives = WriteLives(catalog=catalog, index=index, fill_chunks=fill_chunks)
        self._catch_up = CatchUp(catalog=catalog, index=index, fill_chunks=fill_chunks, write_lives=write_lives)
        self._write_points = WritePoints(catalog=catalog, index=index, write_lives=write_lives)

    async def assert_possible(self, scope: AccessScope, draft_id: DraftId) -> None:
        """Look for the parts that an open draft would be sealed with, before it takes a number.

        Raises:
            SlotTaken: they cannot be opened, but the corpus is being rebuilt, and is sealed under its new build then.
            Conflict: they cannot be opened.
        """
        async with self._catalog.reading() as tx:
            draft = await tx.drafts.get(scope, draft_id)
            corpus = await tx.corpora.get(scope, draft.corpus_id)
            is_being_rebuilt = await _is_being_rebuilt(tx, scope, corpus, self._build_parts.own.fingerprint)
        if draft.state is not DraftState.OPEN:
            return
        fingerprint = draft.wanted_fingerprint or corpus.fingerprint
        try:
            await parts_of(self._catalog, self._build_parts, scope, corpus.id, fingerprint)
        except Conflict as exc:
            if is_being_rebuilt:
                raise SlotTaken(f"The corpus {corpus.name} is being rebuilt.") from exc
            raise

    async def __call__(
        self, scope: AccessScope, plan: SealPlan, *, still_held: StillHeld, on_chunks: OnChunks = unheard
    ) -> DocumentFrequencies:
        """Write the points, and return the document frequencies of the new version. Safe to repeat.

        Raises:
            Conflict: the parts of the build cannot be opened.
            LeaseLost: by `still_held`; nothing is written after that.
        """
        parts = await parts_of(self._catalog, self._build_parts, scope, plan.corpus.id, plan.fingerprint)
        highest = await self._catch_up(scope, plan.corpus.id, parts, highest=plan.highest, still_held=still_held)
        return await self._write_points(scope, plan, parts, highest=highest, still_held=still_held, on_chunks=on_chunks)


async def _is_being_rebuilt(tx: Transaction, scope: AccessScope, corpus: Corpus, fingerprint: Fingerprint) -> bool:
    """Say whether the corpus is on its way to a build: it is filled, or the draft that switches to it waits."""
    jobs = await tx.jobs.of_subject(scope, fill_subject(corpus.id, fingerprint))
    if any(job.state in OPEN_STATES for job in jobs):
        return True
    live = await tx.drafts.list(scope, corpus.id, states=LIVE_STATES)
    return any(draft.wanted_fingerprint == fingerprint for draft in live)
