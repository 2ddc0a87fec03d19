"""A Qdrant server, cluster or cloud: one collection per build, shared by all processes."""

import asyncio
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from qdrant_client import AsyncQdrantClient, models

from rag_service.domain.ids import CorpusId, Fingerprint, PointId
from rag_service.domain.versions import OPEN
from rag_service.errors import IndexUnavailable, Misconfigured
from rag_service.ports.vector_index import Candidate, Point, PointState, Visible
from rag_service.ports.vectors import DenseVector, QueryVectors
from rag_service.retrieval import point_payload, qdrant_schema
from rag_service.retrieval.batches import batches
from rag_service.retrieval.qdrant_errors import CollectionExists, NoCollection, server_errors
from rag_service.retrieval.qdrant_search import search_collection
from rag_service.retrieval.vector_checks import check_points, check_query, dimensions_of
from rag_service.settings import QdrantSettings

_POINTS_PER_REQUEST = 256
_IDS_PER_REQUEST = 1_000
_STATES_PER_PAGE = 1_000
_POINTS_PER_PAGE = 500
_ALL_CORPORA = 1_000_000
_WRITE_TIMEOUT_S = 60  # a write waits for all replicas that have to have it
_TIDY_EVERY_S = 1.0
_BUILD = re.compile(r"[0-9a-f]{32}")  # how names of builds begin: domain/fingerprints.py
# The least that the server takes: a segment is rewritten when any of its points is deleted.
_TIDY = models.OptimizersConfigDiff(deleted_threshold=1e-6, vacuum_min_vector_number=100)
_USUAL = models.OptimizersConfigDiff(deleted_threshold=0.2, vacuum_min_vector_number=1000)
_DONE, _FAILED = models.CollectionStatus.GREEN, models.CollectionStatus.RED
_LEFT_BEHIND = (
    "The Qdrant server has rewritten what held erased points. Its write-ahead log, segments of fewer than 100 points "
    "and snapshots that it made may hold their ids and vectors (no text) until newer writes displace them."
)
_Result = TypeVar("_Result")


def open_qdrant(settings: QdrantSettings, *, timeout_s: float, exact_below: int) -> "QdrantIndex":
    """Return the index at `settings`; nothing is asked of the server yet. A search may take `timeout_s`.

    Raises:
        Misconfigured: there is no address.
    """
    if not settings.url:
        raise Misconfigured("The Qdrant server has no address: set RAG_QDRANT__URL.")
    client = AsyncQdrantClient(
        url=settings.url,
        api_key=settings.api_key.get_secret_value() or None,
        prefer_grpc=settings.grpc_port > 0,
        grpc_port=settings.grpc_port,
        timeout=max(math.ceil(timeout_s), _WRITE_TIMEOUT_S),
        check_compatibility=False,
    )
    return QdrantIndex(client, settings, timeout_s=timeout_s, exact_below=exact_below)


class QdrantIndex:
    """VectorIndex over qdrant-client. The server optimises by itself; `compact` returns what it cannot promise."""

    def __init__(
        self, client: AsyncQdrantClient, settings: QdrantSettings, *, timeout_s: float, exact_below: int
    ) -> None:
        self._client = client
        self._settings = settings
        self._ordering = models.WriteOrdering(settings.write_ordering)
        self._timeout_s = timeout_s
        self._exact_below = exact_below
        self._dimensions: dict[Fingerprint, int] = {}
        self._indexed: set[Fingerprint] = set()

    async def aclose(self) -> None:
        await self._client.close()

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        if not points:
            return
        known = await self._dimensions_of(fingerprint)
        check_points(points, dimensions=known or dimensions_of(points))
        rows = [qdrant_schema.server_point(point) for point in points]
        try:
            if known is None:
                await self._create(fingerprint, dimensions_of(points))
            await self._make_indexes(fingerprint)
            for batch in batches(rows, _POINTS_PER_REQUEST):
                await self._upsert(fingerprint, batch)
        except NoCollection as exc:
            self._forget(fingerprint)
            raise IndexUnavailable("The build was dropped while it was written.") from exc

    async def retire(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, at: int) -> None:
        await self._set(fingerprint, ids, {point_payload.DIED: at})

    async def revive(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        await self._set(fingerprint, ids, {point_payload.DIED: OPEN})

    async def grant(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, principals: frozenset[str]) -> None:
        await self._set(fingerprint, ids, {point_payload.PRINCIPALS: sorted(principals)})

    async def purge(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        for batch in batches(ids, _IDS_PER_REQUEST):
            await self._delete(fingerprint, qdrant_schema.with_ids(batch))

    async def remove_corpus(self, fingerprint: Fingerprint, corpus_id: CorpusId) -> None:
        await self._delete(fingerprint, qdrant_schema.of_corpus(corpus_id, born_after=-1))

    async def search(
        self, fingerprint: Fingerprint, query: QueryVectors, *, among: Visible, limit: int, exact: bool = False
    ) -> list[Candidate]:
        if not among.scope.covers(among.corpus_id):
            return []
        visible = qdrant_schema.filter_of(among)
        bound = None if exact else self._exact_below

        async def look(collection: str) -> list[Candidate]:
            return await search_collection(self._client, collection, query, visible, limit=limit, exact_below=bound)

        with server_errors("search in time"):
            async with asyncio.timeout(self._timeout_s):
                dimensions = await self._dimensions_of(fingerprint)
                if dimensions is None:
                    return []
                check_query(query, dimensions=dimensions)
                return await self._in(fingerprint, "search", look, absent=[])

    async def dense_vectors(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> Mapping[PointId, DenseVector]:
        async def read(collection: str) -> dict[PointId, DenseVector]:
            records = await self._client.retrieve(
                collection, list(ids), with_payload=False, with_vectors=[point_payload.DENSE]
            )
            return {PointId(str(record.id)): point_payload.dense_of(record.vector) for record in records}

        with server_errors("read vectors in time"):
            async with asyncio.timeout(self._timeout_s):
                return await self._in(fingerprint, "read vectors", read, absent={})

    async def builds(self) -> dict[Fingerprint, int | None]:
        prefix = self._settings.prefix
        with server_errors("list its collections"):
            listed = (await self._client.get_collections()).collections
        names = [each.name.removeprefix(prefix) for each in listed if each.name.startswith(prefix)]
        # Another service's prefix may begin with this one: its collections are not for us to mend.
        return {Fingerprint(name): await self._count(Fingerprint(name)) for name in sorted(names) if _BUILD.match(name)}

    async def corpora(self, fingerprint: Fingerprint) -> dict[CorpusId, int]:
        async def count(collection: str) -> dict[CorpusId, int]:
            facet = await self._client.facet(collection, point_payload.CORPUS_ID, limit=_ALL_CORPORA, exact=True)
            return {CorpusId(str(hit.value)): int(hit.count) for hit in facet.hits if hit.count}

        return await self._in(fingerprint, "count points", count, absent={})

    async def states(
        self, fingerprint: Fingerprint, *, corpus_id: CorpusId, born_after: int = -1
    ) -> AsyncIterator[Sequence[PointState]]:
        place: models.ExtendedPointId | None = None
        wanted = qdrant_schema.of_corpus(corpus_id, born_after=born_after)
        while True:
            page, place = await self._page(fingerprint, wanted, place)
            if page:
                yield page
            if place is None:
                return

    async def points(self, fingerprint: Fingerprint, *, after: PointId | None = None) -> AsyncIterator[Sequence[Point]]:
        while page := await self._points(fingerprint, after):
            yield page
            after = page[-1].id

    async def optimise(self, fingerprint: Fingerprint) -> None:
        """Nothing to ask for: the server does it by itself."""

    async def compact(self, fingerprint: Fingerprint) -> Sequence[str]:
        async def tidy(collection: str) -> Sequence[str]:
            await self._client.update_collection(collection, optimizers_config=_TIDY)
            try:
                while (status := (await self._client.get_collection(collection)).status) is not _DONE:
                    if status is _FAILED:
                        raise IndexUnavailable(f"The Qdrant server failed to rewrite the collection {collection}.")
                    await asyncio.sleep(_TIDY_EVERY_S)
            finally:
                await self._client.update_collection(collection, optimizers_config=_USUAL)
            return [_LEFT_BEHIND]

        return await self._in(fingerprint, "rewrite a collection", tidy, absent=[])

    async def drop(self, fingerprint: Fingerprint) -> None:
        await self._in(fingerprint, "remove a collection", self._client.delete_collection, absent=False)
        self._forget(fingerprint)

    async def _in(
        self, fingerprint: Fingerprint, action: str, work: Callable[[str], Awaitable[_Result]], *, absent: _Result
    ) -> _Result:
        """Return what `work` does with the collection of a build, `absent` where there is none."""
        try:
            with server_errors(action):
                return await work(self._settings.prefix + fingerprint)
        except NoCollection:
            self._forget(fingerprint)
            return absent

    def _forget(self, fingerprint: Fingerprint) -> None:
        self._dimensions.pop(fingerprint, None)
        self._indexed.discard(fingerprint)

    async def _dimensions_of(self, fingerprint: Fingerprint) -> int | None:
        if fingerprint not in self._dimensions:
            found = await self._in(fingerprint, "describe a collection", self._client.get_collection, absent=None)
            if found is None:
                return None
            vectors = found.config.params.vectors
            # A fingerprint names its model, so a collection of that name never gets other dimensions.
            self._dimensions[fingerprint] = int(vectors[point_payload.DENSE].size)  # type: ignore[index]
        return self._dimensions[fingerprint]

    async def _create(self, fingerprint: Fingerprint, dimensions: int) -> None:
        settings = self._settings
        try:
            with server_errors("make a collection"):
                await self._client.create_collection(
                    settings.prefix + fingerprint,
                    vectors_config=qdrant_schema.dense_vectors(dimensions),
                    sparse_vectors_config=qdrant_schema.sparse_vectors(),
                    hnsw_config=qdrant_schema.HNSW,
                    quantization_config=qdrant_schema.INT8 if settings.int8 else None,
                    shard_number=settings.shards,
                    replication_factor=settings.replicas,
                    write_consistency_factor=settings.write_consistency,
                )
        except CollectionExists:
            pass

    async def _make_indexes(self, fingerprint: Fingerprint) -> None:
        """Once in each process: whoever made the collection may still be at work on them, or have died before."""
        if fingerprint in self._indexed:
            return
        with server_errors("make an index of a field"):
            for field, params in qdrant_schema.FIELD_INDEXES.items():
                await self._client.create_payload_index(self._settings.prefix + fingerprint, field, params, wait=True)
        self._indexed.add(fingerprint)

    async def _upsert(self, fingerprint: Fingerprint, rows: list[models.PointStruct]) -> None:
        with server_errors("write"):
            await self._client.upsert(self._settings.prefix + fingerprint, rows, wait=True, ordering=self._ordering)

    async def _set(self, fingerprint: Fingerprint, ids: Sequence[PointId], payload: dict[str, object]) -> None:
        for batch in batches(ids, _IDS_PER_REQUEST):
            # By filter, because an unknown id is an error else.
            chosen = models.FilterSelector(filter=qdrant_schema.with_ids(batch))

            async def change(collection: str, chosen: models.FilterSelector = chosen) -> object:
                return await self._client.set_payload(
                    collection, payload, points=chosen, wait=True, ordering=self._ordering
                )

            await self._in(fingerprint, "change points", change, absent=None)

    async def _delete(self, fingerprint: Fingerprint, chosen: models.Filter) -> None:
        async def delete(collection: str) -> object:
            selector = models.FilterSelector(filter=chosen)
            return await self._client.delete(collection, selector, wait=True, ordering=self._ordering)

        await self._in(fingerprint, "remove points", delete, absent=None)

    async def _count(self, fingerprint: Fingerprint) -> int | None:
        async def count(collection: str) -> int:
            return int((await self._client.count(collection, exact=True)).count)

        try:
            return await self._in(fingerprint, "count points", count, absent=0)
        except IndexUnavailable:
            return None

    async def _page(
        self, fingerprint: Fingerprint, wanted: models.Filter, place: models.ExtendedPointId | None
    ) -> tuple[list[PointState], models.ExtendedPointId | None]:
        async def scroll(collection: str) -> tuple[list[PointState], models.ExtendedPointId | None]:
            records, following = await self._client.scroll(
                collection,
                scroll_filter=wanted,
                limit=_STATES_PER_PAGE,
                offset=place,
                with_payload=point_payload.FIELDS,
            )
            return [point_payload.state_of(record.id, record.payload) for record in records], following

        return await self._in(fingerprint, "list points", scroll, absent=([], None))

    async def _points(self, fingerprint: Fingerprint, after: PointId | None) -> list[Point]:
        async def scroll(collection: str) -> list[Point]:
            records, _ = await self._client.scroll(
                collection, limit=_POINTS_PER_PAGE, offset=after, with_payload=True, with_vectors=True
            )
            # A page begins with the point it is asked from.
            return [
                point_payload.point_of(record.id, record.payload, record.vector)
                for record in records
                if str(record.id) != after
            ]

        return await self._in(fingerprint, "read points", scroll, absent=[])
