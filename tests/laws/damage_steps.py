"""Damage that no history of ours brings about, and the reconciler that finds and mends it."""

import os
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from rag_service.domain.access import EVERYONE
from rag_service.domain.findings import FindingKind
from rag_service.domain.ids import ChunkId, DocumentId, Fingerprint, PointId, TenantId
from rag_service.domain.versions import OPEN
from rag_service.ports.vector_index import Point, PointState
from rag_service.use_cases.reconcile import Reconcile
from tests.integration.crashing import CrashError
from tests.laws.history import History

_NEVER = 10_000
_POINTS = (
    FindingKind.MISSING_POINT,
    FindingKind.ORPHAN_POINT,
    FindingKind.WRONG_POINT,
    FindingKind.WRONG_INTERVAL,
    FindingKind.WRONG_PRINCIPALS,
)


class DamageSteps(History):
    """Points that are lost, changed or foreign, and bytes that are lost or nobody's."""

    @precondition(lambda self: self.model.members)
    @rule(kind=st.sampled_from(_POINTS), place=st.integers(0, 1_000), at=st.integers(0, 12))
    def damage_the_index(self, kind: FindingKind, place: int, at: int) -> None:
        """Damage a point; the first run of the reconciler is cut short at step `at` unless that is 0."""
        self.wait_for(self.damage(kind, place))
        assert self.found_by_reconciler(dry_run=True) == [(kind, 1, 0)]
        self.wait_for(self.mend(at))

    @precondition(lambda self: self.model.members)
    @rule(place=st.integers(0, 1_000))
    def lose_bytes(self, place: int) -> None:
        """Lose the bytes of a file, which nobody but a backup can bring back."""
        content = self.wait_for(self.lost(place))
        assert self.found_by_reconciler(dry_run=False) == [(FindingKind.MISSING_BLOB, 1, 0)]
        self.wait_for(self.parts.blobs.write(self.driver.admin, _once(content), max_bytes=_NEVER))

    @rule()
    def leave_bytes(self) -> None:
        """Leave bytes that have no file, as a broken upload does; they go when they are old enough."""
        self.wait_for(self.leave(days_ago=0))
        assert self.found_by_reconciler(dry_run=False) == []
        self.wait_for(self.leave(days_ago=2))
        assert self.found_by_reconciler(dry_run=False) == [(FindingKind.ORPHAN_BLOB, 1, 1)]

    def found_by_reconciler(self, *, dry_run: bool) -> list[tuple[FindingKind, int, int]]:
        """Run the reconciler and return what it found and mended."""
        found = self.wait_for(self.parts.reconcile(self.driver.admin, dry_run=dry_run))
        return [(one.kind, one.found, one.mended) for one in found]

    async def mend(self, at: int) -> None:
        """Let the reconciler mend what is wrong, in two runs when the first is cut short."""
        service, fuse = self.driver.service, self.place.fuse
        failing = Reconcile(
            catalog=service.catalog,
            index=service.index,
            blobs=service.parts.blobs,
            build_parts=service.parts.build_parts,
            clock=self.place.clock,
        )
        fuse.at = fuse.steps + at if at else 0
        try:
            await failing(self.driver.admin, dry_run=False)
        except CrashError:
            await service.parts.reconcile(self.driver.admin, dry_run=False)
        finally:
            fuse.at = 0

    async def damage(self, kind: FindingKind, place: int) -> None:
        """Damage one of the points of the corpus."""
        index = self.place.index
        build, state = await self.point(place)
        match kind:
            case FindingKind.MISSING_POINT:
                await index.purge(build, [state.id])
            case FindingKind.ORPHAN_POINT:
                await index.write(build, [await self.foreign(build, state, is_new=True)])
            case FindingKind.WRONG_POINT:
                await index.write(build, [await self.foreign(build, state, is_new=False)])
            case FindingKind.WRONG_INTERVAL if state.died == OPEN:
                await index.retire(build, [state.id], at=_NEVER)
            case FindingKind.WRONG_INTERVAL:
                await index.revive(build, [state.id])
            case _:
                await index.grant(build, [state.id], principals=frozenset({"board"}))

    async def point(self, place: int) -> tuple[Fingerprint, PointState]:
        """Return one of the points of the corpus, with its build."""
        points = [
            (build.fingerprint, state)
            for build in await self.driver.builds()
            async for page in self.place.index.states(build.fingerprint, corpus_id=build.corpus_id)
            for state in page
        ]
        return points[place % len(points)]

    async def foreign(self, build: Fingerprint, state: PointState, *, is_new: bool) -> Point:
        """Return a point that no version has, or another tenant's in the place of one that is ours."""
        [of_build] = [one for one in await self.driver.builds() if one.fingerprint == build]
        parts = await self.parts.build_parts.of(of_build)
        return Point(
            id=PointId(str(uuid.uuid4())) if is_new else state.id,
            tenant_id=state.tenant_id if is_new else TenantId("stranger"),
            corpus_id=state.corpus_id,
            document_id=DocumentId("stranger"),
            chunk_id=ChunkId(str(uuid.uuid4())) if is_new else state.chunk_id,
            principals=frozenset({EVERYONE}),
            born=state.born,
            died=state.died,
            dense=await parts.embedder.embed_query("Dates are sour."),
            sparse=parts.sparse_encoder.encode_passage("Dates are sour."),
        )

    async def leave(self, *, days_ago: int) -> None:
        """Leave the same bytes, as if they had been written then."""
        blobs: Any = self.parts.blobs
        blob = await blobs.write(self.driver.admin, _once(self.corpus.encode()), max_bytes=_NEVER)
        written = (self.place.clock() - timedelta(days=days_ago)).timestamp()
        os.utime(blobs._path(self.driver.admin, blob.sha256), (written, written))

    async def lost(self, place: int) -> bytes:
        """Remove the bytes of one of the files and return them."""
        blobs = self.parts.blobs
        hashes = sorted([sha256 async for page in blobs.hashes(self.driver.admin) for sha256 in page])
        chosen = hashes[place % len(hashes)]
        content = b"".join([piece async for piece in blobs.read(self.driver.admin, chosen)])
        await blobs.delete(self.driver.admin, chosen)
        return content


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
