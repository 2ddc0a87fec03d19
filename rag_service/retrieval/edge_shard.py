"""One open Qdrant Edge shard. Every call holds Python's global lock until it is done."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from rag_service.domain.ids import CorpusId, PointId
from rag_service.domain.index_advice import GraphParameters
from rag_service.ports.vector_index import Candidate, Point, PointState, Visible
from rag_service.ports.vectors import DenseVector, QueryVectors
from rag_service.retrieval import edge_schema, point_payload
from rag_service.retrieval.edge_errors import engine_errors
from rag_service.retrieval.edge_search import search_shard
from rag_service.retrieval.vector_checks import check_query

_ALL_CORPORA = 1_000_000
_POINTS_PER_REWRITE = 1_000


class Shard:
    """A shard folder, opened by this process alone."""

    def __init__(self, shard: edge.EdgeShard, *, dimensions: int, int8: bool) -> None:
        self._shard = shard
        self.dimensions = dimensions
        self.int8 = int8

    @classmethod
    def create(cls, path: Path, *, dimensions: int, exact_below: int, graph: GraphParameters) -> "Shard":
        path.mkdir(parents=True)
        with engine_errors(f"create a shard in {path}"):
            shard = edge.EdgeShard.create(
                str(path), edge_schema.shard_config(dimensions=dimensions, exact_below=exact_below, graph=graph)
            )
            for operation in edge_schema.field_indexes():
                shard.update(operation)
            shard.flush()
        return cls(shard, dimensions=dimensions, int8=graph.int8)

    @classmethod
    def load(cls, path: Path) -> "Shard":
        remove_unfinished_segments(path)
        with engine_errors(f"open the shard in {path}"):
            config = json.loads((path / "edge_config.json").read_text())
            shard = edge.EdgeShard.load(str(path))
        return cls(shard, dimensions=_dimensions(config), int8=edge_schema.is_quantised(config))

    @classmethod
    def load_to_rebuild(cls, path: Path, *, exact_below: int, graph: GraphParameters) -> "Shard":
        """Open a shard so that `optimise` gives it this graph. It keeps 8-bit vectors that it has."""
        remove_unfinished_segments(path)
        with engine_errors(f"open the shard in {path}"):
            dimensions = _dimensions(json.loads((path / "edge_config.json").read_text()))
            config = edge_schema.shard_config(dimensions=dimensions, exact_below=exact_below, graph=graph)
            shard = edge.EdgeShard.load(str(path), config)
        return cls(shard, dimensions=dimensions, int8=graph.int8)

    def apply(self, operation: edge.UpdateOperation) -> None:
        """Change the shard; durable after `flush`, safe to repeat."""
        with engine_errors("write"):
            self._shard.update(operation)

    def flush(self) -> None:
        with engine_errors("flush"):
            self._shard.flush()

    def close(self) -> None:
        with engine_errors("close the shard"):
            self._shard.close()

    def optimise(self) -> None:
        """Rebuild the search structures in place; blocks this process for up to minutes."""
        with engine_errors("optimise"):
            self._shard.optimize()

    def search(
        self,
        query: QueryVectors,
        *,
        among: Visible,
        limit: int,
        exact_below: int,
        ef: int,
    ) -> list[Candidate]:
        check_query(query, dimensions=self.dimensions)
        visible = edge_schema.filter_of(among)
        with engine_errors("search"):
            return search_shard(self._shard, query, visible, limit=limit, exact_below=exact_below, ef=ef)

    def dense_vectors(self, ids: Sequence[PointId]) -> dict[PointId, DenseVector]:
        """Return the vectors of those of the points that there are."""
        with engine_errors("read vectors"):
            records = self._shard.retrieve(list(ids), with_payload=False, with_vector=[point_payload.DENSE])
        return {PointId(str(record.id)): point_payload.dense_of(record.vector) for record in records}

    def states(self, corpus_id: CorpusId, *, born_after: int, start: PointId | None, limit: int) -> list[PointState]:
        """Return `limit` points of a corpus by point id, from `start` on."""
        request = edge.ScrollRequest(
            offset=start,
            limit=limit,
            filter=edge_schema.of_corpus(corpus_id, born_after=born_after),
            with_payload=point_payload.FIELDS,
        )
        with engine_errors("list points"):
            records, _ = self._shard.scroll(request)
        return [point_payload.state_of(record.id, record.payload) for record in records]

    def points(self, *, start: PointId | None, limit: int) -> list[Point]:
        """Return `limit` points with their vectors by point id, from `start` on."""
        request = edge.ScrollRequest(
            offset=start, limit=limit, with_payload=[*point_payload.FIELDS, point_payload.DOCUMENT_ID], with_vector=True
        )
        with engine_errors("read points"):
            records, _ = self._shard.scroll(request)
        return [point_payload.point_of(record.id, record.payload, record.vector or {}) for record in records]

    def rewriting(self) -> Iterator[edge.UpdateOperation]:
        """Yield the operations that write every point there is, dead ones too, into another shard."""
        place = None
        while True:
            request = edge.ScrollRequest(offset=place, limit=_POINTS_PER_REWRITE, with_payload=True, with_vector=True)
            with engine_errors("read points"):
                records, place = self._shard.scroll(request)
            yield edge_schema.rewrite(records)
            if place is None:
                return

    def count_of(self, corpus_id: CorpusId) -> int:
        with engine_errors("count"):
            everything = edge_schema.of_corpus(corpus_id, born_after=-1)
            return int(self._shard.count(edge.CountRequest(exact=True, filter=everything)))

    def corpora(self) -> dict[CorpusId, int]:
        """Return how many points of each corpus there are."""
        request = edge.FacetRequest(point_payload.CORPUS_ID, limit=_ALL_CORPORA, exact=True)
        with engine_errors("count"):
            hits = self._shard.facet(request).hits
        # The engine goes on naming values that no point has any more.
        return {CorpusId(str(hit.value)): int(hit.count) for hit in hits if hit.count}

    def count(self) -> int:
        with engine_errors("count"):
            return int(self._shard.count(edge.CountRequest(exact=True)))

    def unindexed_count(self) -> int:
        """Estimate the points outside of optimised segments: there a sparse vector counts as indexed, a dense one not."""
        with engine_errors("count"):
            info = self._shard.info()
        return max(0, 2 * int(info.points_count) - int(info.indexed_vectors_count))


def _dimensions(config: Mapping[str, Any]) -> int:
    return int(config["vectors"][point_payload.DENSE]["size"])


def remove_unfinished_segments(path: Path) -> None:
    """Remove what a killed optimiser left behind, each time as large as the shard. The shard must be closed."""
    for leftover in (path / "temp_segments").glob("segment_builder_*"):
        shutil.rmtree(leftover)
