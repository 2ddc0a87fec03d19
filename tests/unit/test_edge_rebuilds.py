"""Rebuilds of an Edge build give it the graph that its size asks for, and tell when they fail."""

import sys
from pathlib import Path

import pytest

from rag_service.domain.index_advice import GraphParameters
from rag_service.errors import IndexUnavailable
from rag_service.ports.vector_index import Visible
from rag_service.retrieval import edge_schema
from rag_service.retrieval.edge_build import EdgeBuild
from rag_service.retrieval.edge_folder import make_current, new_generation
from rag_service.retrieval.edge_shard import Shard
from rag_service.retrieval.edge_trouble import trouble_of
from tests.contract.index_points import CORPUS, DIMENSIONS, TEAM, points, query

EXACT_BELOW = 10


class LargeBuild(EdgeBuild):
    """A build that is as large as those with 8-bit vectors."""

    def _advised(self) -> GraphParameters:
        return GraphParameters(int8=True)


def a_build(folder: Path, *, int8: bool, kind: type[EdgeBuild] = EdgeBuild) -> EdgeBuild:
    path = new_generation(folder)
    graph = GraphParameters(int8=int8)
    shard = Shard.create(path, dimensions=DIMENSIONS, exact_below=EXACT_BELOW, graph=graph)
    shard.apply(edge_schema.upsert(points("p", 300)))
    shard.flush()
    make_current(path)
    return kind(path, shard)


def found_in(build: EdgeBuild) -> list[str]:
    among = Visible(scope=TEAM, corpus_id=CORPUS, version=1)
    found = build.search(query(), among=among, limit=300, exact_below=EXACT_BELOW)
    return [one.chunk_id for one in found]


@pytest.mark.parametrize(("kind", "int8"), [(LargeBuild, True), (EdgeBuild, False)])
async def test_a_rebuild_changes_the_vectors_that_are_kept(tmp_path: Path, kind: type[EdgeBuild], int8: bool) -> None:
    build = a_build(tmp_path / "build", int8=not int8, kind=kind)

    await build.optimise(exact_below=EXACT_BELOW)

    assert build.shard.int8 is int8
    assert len(found_in(build)) == 300
    build.close()


async def test_a_rebuild_that_fails_leaves_the_reason_until_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = a_build(tmp_path / "build", int8=False)
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/bin/false")
        with pytest.raises(IndexUnavailable):
            await build.optimise(exact_below=EXACT_BELOW)
    assert "ended its task `optimise` with 1" in (trouble_of(tmp_path / "build") or "")

    await build.optimise(exact_below=EXACT_BELOW)

    assert trouble_of(tmp_path / "build") is None
    build.close()
