"""Compare the raw files of a tenant with the rows that name them."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from rag_service.domain.access import AccessScope
from rag_service.domain.findings import Finding, FindingKind, Findings
from rag_service.ports.blob_store import BlobStore
from rag_service.ports.catalog import Catalog

ORPHAN_AGE = timedelta(days=1)
"""Younger bytes may belong to an upload that goes on."""

_FILES_PER_PAGE = 2_000


class ReconcileBlobs:
    """Removes bytes that no file has, and tells of files whose bytes are gone."""

    def __init__(self, *, catalog: Catalog, blobs: BlobStore, clock: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._clock = clock

    async def __call__(self, scope: AccessScope, findings: Findings, *, dry_run: bool) -> None:
        """Note what is wrong; unless `dry_run`, remove orphans."""
        # The rows first: whatever has one by then, has had its bytes for longer.
        known = await self._known(scope)
        stored: set[bytes] = set()
        async for page in self._blobs.hashes(scope):
            packed = {bytes.fromhex(sha256) for sha256 in page}
            for digest in sorted(packed - known):
                await self._look_at_orphan(scope, digest.hex(), findings, dry_run=dry_run)
            stored |= packed & known
        for digest in sorted(known - stored):
            await self._look_at_missing(scope, digest.hex(), findings)

    async def _known(self, scope: AccessScope) -> set[bytes]:
        return {bytes.fromhex(sha256) async for page in self._pages(scope) for sha256 in page}

    async def _pages(self, scope: AccessScope) -> AsyncIterator[list[str]]:
        after = None
        while True:
            async with self._catalog.reading() as tx:
                page, after = await tx.files.hashes(scope, after=after, limit=_FILES_PER_PAGE)
            if after is None:
                return
            yield list(page)

    async def _look_at_orphan(self, scope: AccessScope, sha256: str, findings: Findings, *, dry_run: bool) -> None:
        before = self._clock() - ORPHAN_AGE
        if not await self._blobs.is_older(scope, sha256, before):
            return
        finding = Finding(kind=FindingKind.ORPHAN_BLOB, subject=sha256)
        if dry_run:
            findings.add([finding], mended=False)
            return
        # Inside the transaction: nobody's row can be added meanwhile, and who adds it next looks for the bytes again.
        async with self._catalog.writing() as tx:
            unused = await tx.files.unused(scope, [sha256], hold=True)
            if unused and await self._blobs.is_older(scope, sha256, before):
                await self._blobs.delete(scope, sha256)
                findings.add([finding], mended=True)

    async def _look_at_missing(self, scope: AccessScope, sha256: str, findings: Findings) -> None:
        async with self._catalog.reading() as tx:
            unused = await tx.files.unused(scope, [sha256], hold=False)
        if not unused and not await self._blobs.exists(scope, sha256):
            findings.add([Finding(kind=FindingKind.MISSING_BLOB, subject=sha256)], mended=False)
