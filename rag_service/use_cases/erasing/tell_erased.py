"""Telling what is gone from what never was, to those who could see it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rag_service.domain.access import AccessScope
from rag_service.domain.erasures import TombstoneKind
from rag_service.errors import Gone, NotFound
from rag_service.ports.catalog import Catalog
from rag_service.ports.signer import KeyedHash
from rag_service.use_cases.erasing.witnesses import could_see


class TellErased:
    """Turns NotFound into Gone where something was erased that the caller could see."""

    def __init__(self, *, catalog: Catalog, keyed_hash: KeyedHash) -> None:
        self._catalog = catalog
        self._keyed_hash = keyed_hash

    @asynccontextmanager
    async def __call__(self, scope: AccessScope, kind: TombstoneKind, ref: str) -> AsyncIterator[None]:
        """Run the block, which looks for `ref`.

        Raises:
            Gone: it was erased; the message has the erasure's id.
            NotFound: as the block raised it. What is absent and what is forbidden cost the same one look more.
        """
        try:
            yield
        except NotFound as exc:
            async with self._catalog.reading() as tx:
                stone = await tx.erasures.tombstone(scope, kind, ref)
            if stone is None or not could_see(self._keyed_hash, scope, stone):
                raise
            raise Gone(f"This {kind.value} has been erased (erasure {stone.erasure_id}).") from exc
