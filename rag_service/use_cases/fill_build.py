"""Fill a build of a corpus beside the one that serves, and have the corpus switched to it by a publish."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from rag_service.domain.access import AccessScope
from rag_service.domain.builds import Build, BuildState, Membership
from rag_service.domain.drafts import LIVE_STATES, Draft, DraftState, SealPurpose
from rag_service.domain.ids import CorpusId, DraftId, Fingerprint, new_id
from rag_service.domain.jobs import JobKind, Priority, draft_job
from rag_service.domain.points import ExpectedPoint
from rag_service.domain.versions import Corpus
from rag_service.errors import NotFound
from rag_service.ports.build_parts import BuildParts, Parts
from rag_service.ports.catalog import Catalog, Transaction
from rag_service.ports.chunker import Chunkers
from rag_service.ports.vector_index import Point, VectorIndex
from rag_service.use_cases.build_points import CountChunks, WriteLives
from rag_service.use_cases.fill_chunks import FillChunks
from rag_service.use_cases.longest_hold import in_time
from rag_service.use_cases.parts_of import parts_of
from rag_service.use_cases.seal_plan import StillHeld

BATCH_DOCUMENTS = 32
"""Documents between two notes of how far it is: what a crash repeats, at most."""

PAUSE_S = 0.1
"""After each batch: searches come first."""

TURN_S = 20.0
"""How long it goes on before it lets uploads of the same lane pass."""


class OnDocuments(Protocol):
    """Hears how many documents have their points."""

    def __call__(self, done: int, total: int | None) -> None:
        """Note it."""


class FillBuild:
    """Writes the points of what was published when the rebuild began; the seal that follows adds what came since.

    It goes document by document, from canonical texts and kept vectors, and can be cut short anywhere and repeated.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        index: VectorIndex,
        build_parts: BuildParts,
        chunkers: Chunkers,
        clock: Callable[[], datetime],
        batch_documents: int = BATCH_DOCUMENTS,
        pause_s: float = PAUSE_S,
        turn_s: float = TURN_S,
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._build_parts = build_parts
        self._clock = clock
        self._batch_documents = batch_documents
        self._pause_s = pause_s
        self._turn_s = turn_s
        fill_chunks = FillChunks(catalog=catalog, chunkers=chunkers)
        self._write_lives = WriteLives(catalog=catalog, index=index, fill_chunks=fill_chunks)
        self._count = CountChunks(catalog=catalog, fill_chunks=fill_chunks)

    async def __call__(
        self,
        scope: AccessScope,
        corpus_id: CorpusId,
        fingerprint: Fingerprint,
        *,
        still_held: StillHeld,
        on_documents: OnDocuments,
    ) -> bool:
        """Fill for one turn; return whether the build is full and its publish is under way. Safe to repeat.

        Raises:
            NotFound: the corpus, the build or a revision is gone; the last may be over at the next try.
            SlotTaken: the corpus has no version, and its first is being sealed.
            Conflict: the parts of the build cannot be opened.
            LeaseLost: by `still_held`; nothing is written after that.
        """
        build, is_full = await self._read(scope, corpus_id, fingerprint)
        if not is_full:
            parts = await parts_of(self._catalog, self._build_parts, scope, corpus_id, fingerprint)
            if not await self._fill(scope, build, parts, still_held, on_documents):
                return False
            await self._finish(scope, build, parts, still_held)
        await self._switch(scope, build, still_held)
        return True

    async def _read(self, scope: AccessScope, corpus_id: CorpusId, fingerprint: Fingerprint) -> tuple[Build, bool]:
        async with self._catalog.reading() as tx:
            build = await tx.builds.get(scope, corpus_id, fingerprint)
            holder = await tx.drafts.in_slot(scope, corpus_id)
            # A draft that waits for it, or whose seal brings it further, is proof that it was full.
            is_sealed_under = holder is not None and holder.fingerprint == fingerprint
            is_full = is_sealed_under or await _draft_for(tx, scope, build) is not None
        return build, is_full or build.state is BuildState.READY

    async def _fill(
        self, scope: AccessScope, build: Build, parts: Parts, still_held: StillHeld, on_documents: OnDocuments
    ) -> bool:
        ends_at = time.monotonic() + self._turn_s
        filled_to, done = build.filled_to, build.done
        on_documents(done, build.total)
        while lives := await self._next(scope, build, filled_to):
            if await self._fill_batch(scope, build, parts, lives, done + len(lives), still_held):
                filled_to, done = lives[-1].member.document_id, done + len(lives)
                on_documents(done, build.total)
            if time.monotonic() >= ends_at:
                return False
            await asyncio.sleep(self._pause_s)
        return True

    async def _next(self, scope: AccessScope, build: Build, filled_to: str | None) -> list[Membership]:
        async with self._catalog.reading() as tx:
            return await tx.builds.members_after(
                scope, build.corpus_id, build.since, after=filled_to, limit=self._batch_documents
            )

    async def _fill_batch(
        self,
        scope: AccessScope,
        build: Build,
        parts: Parts,
        lives: Sequence[Membership],
        done: int,
        still_held: StillHeld,
    ) -> bool:
        """Write the points of some documents, and note that; return False when they are to be looked at once more."""
        known = [life.known_at(build.synced) for life in lives]
        points = await self._write_lives(scope, build.corpus_id, parts, known, still_held=still_held)
        last = lives[-1].member.document_id
        async with self._catalog.writing() as tx:
            await still_held(tx)
            wanted = {point.id: point for point in await _wanted(tx, scope, build, points)}
            gone = [point.id for point in points if point.id not in wanted]
            if gone:
                # Erased while their points were written.
                await in_time(self._index.purge(build.fingerprint, gone))
            is_done = not gone and all(wanted[point.id].principals == point.principals for point in points)
            if is_done:
                await tx.builds.advance(scope, build.corpus_id, build.fingerprint, filled_to=last, done=done)
        if gone:
            # The erasure may have looked at the files already.
            await self._index.compact(build.fingerprint)
        return is_done

    async def _finish(self, scope: AccessScope, build: Build, parts: Parts, still_held: StillHeld) -> None:
        # Counted in one go: the seal that follows has only the changes left, and keeps nobody waiting for it.
        is_finished = False
        while not is_finished:
            async with self._catalog.reading() as tx:
                erasures = (await tx.corpora.get(scope, build.corpus_id)).erasures
            frequencies = await self._count(scope, build.corpus_id, parts, build.synced, still_held=still_held)
            async with self._catalog.writing() as tx:
                await still_held(tx)
                # What is erased while it is counted must not stay in the table: an erasure waits for the slot, or came first.
                await tx.points.slot(scope, build.corpus_id, hold=True)
                is_finished = (await tx.corpora.get(scope, build.corpus_id)).erasures == erasures
                if is_finished:
                    await tx.builds.finish_filling(
                        scope, build.corpus_id, build.fingerprint, synced=build.synced, frequencies=frequencies
                    )

    async def _switch(self, scope: AccessScope, build: Build, still_held: StillHeld) -> None:
        """Have a draft without changes sealed under the build and published; the publish is the switch."""
        async with self._catalog.writing() as tx:
            await still_held(tx)
            corpus = await tx.corpora.get(scope, build.corpus_id)
            if corpus.fingerprint == build.fingerprint:
                return
            if not corpus.published:
                await tx.builds.adopt(scope, corpus.id, build.fingerprint)
                return
            draft = await _draft_for(tx, scope, build) or await self._open_draft(tx, scope, corpus, build)
            if draft.state in {DraftState.OPEN, DraftState.SEALED}:
                await tx.drafts.ask_for_seal(scope, draft.id, SealPurpose.PUBLISH)
            now = self._clock()
            await tx.jobs.add(draft_job(draft, JobKind.SEAL_DRAFT, now=now, priority=Priority.BACKGROUND))

    async def _open_draft(self, tx: Transaction, scope: AccessScope, corpus: Corpus, build: Build) -> Draft:
        draft_id = DraftId(new_id("draft_"))
        draft = Draft(
            id=draft_id,
            tenant_id=corpus.tenant_id,
            corpus_id=corpus.id,
            automatic=False,
            name=await _free_name(tx, scope, build, draft_id),
            notes="Made by a rebuild: the same documents under other settings.",
            state=DraftState.OPEN,
            purpose=None,
            number=None,
            base=corpus.published,
            sealed_against=None,
            created_at=self._clock(),
            wanted_fingerprint=build.fingerprint,
        )
        await tx.drafts.add(scope, draft)
        return draft


async def _draft_for(tx: Transaction, scope: AccessScope, build: Build) -> Draft | None:
    """Return the live draft that is sealed under the build, or is to be."""
    live = await tx.drafts.list(scope, build.corpus_id, states=LIVE_STATES)
    return next((draft for draft in live if draft.wanted_fingerprint == build.fingerprint), None)


async def _free_name(tx: Transaction, scope: AccessScope, build: Build, draft_id: DraftId) -> str:
    name = f"rebuild {build.fingerprint[:8]}"
    try:
        await tx.drafts.named(scope, build.corpus_id, name)
    except NotFound:
        return name
    return f"{name} {draft_id[-6:]}"  # somebody else's draft has it


async def _wanted(tx: Transaction, scope: AccessScope, build: Build, points: Sequence[Point]) -> list[ExpectedPoint]:
    """Return what the law of points asks for now of the chunks that the points show."""
    chunk_ids = sorted({point.chunk_id for point in points})
    return await tx.points.of_chunks(scope, build.corpus_id, build.fingerprint, chunk_ids)
