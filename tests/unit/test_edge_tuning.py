"""How an Edge build is searched lies beside its shard; a shard built with 8-bit vectors finds what it found before."""

from pathlib import Path

import numpy as np
import pytest

from rag_service.domain.ids import Fingerprint
from rag_service.domain.index_advice import GraphParameters, SearchParameters
from rag_service.errors import IndexUnavailable
from rag_service.ports.vector_index import Candidate, Visible
from rag_service.retrieval import edge_schema, edge_trouble
from rag_service.retrieval.edge_folder import current_generation, make_current, new_generation
from rag_service.retrieval.edge_shard import Shard
from rag_service.retrieval.edge_tuning import EdgeTuning, ParametersInUse
from rag_service.retrieval.fixed_tuning import FixedTuning
from rag_service.retrieval.index_child import fill, optimise
from rag_service.retrieval.machine_memory import memory_bytes
from tests.contract.index_points import CORPUS, DIMENSIONS, TEAM, points, query

BUILD = Fingerprint("f" * 32)
FARTHER = SearchParameters(ef=768, exact=True, is_wanting=True)


@pytest.fixture
def generation(tmp_path: Path) -> Path:
    """The current generation of a build."""
    return a_generation(tmp_path)


def a_generation(index_dir: Path) -> Path:
    made = new_generation(index_dir / BUILD)
    made.mkdir(parents=True)
    make_current(made)
    return made


async def test_what_is_said_of_a_build_is_what_its_searches_go_by(tmp_path: Path, generation: Path) -> None:
    in_use = ParametersInUse()
    assert in_use.of(generation) == SearchParameters()

    await EdgeTuning(tmp_path).change(BUILD, FARTHER)

    assert in_use.of(generation) == FARTHER
    assert await EdgeTuning(tmp_path).read(BUILD) == FARTHER


async def test_a_graph_that_was_built_since_has_its_chance(tmp_path: Path, generation: Path) -> None:
    await EdgeTuning(tmp_path).change(BUILD, FARTHER)

    rebuilt = a_generation(tmp_path)

    assert ParametersInUse().of(rebuilt) == SearchParameters(ef=768, exact=False, is_wanting=True)


@pytest.mark.parametrize("damaged", ["", "{}", "[1]", '{"ef": "x"}'])
async def test_what_cannot_be_read_was_never_said(tmp_path: Path, generation: Path, damaged: str) -> None:
    (generation.parent / "search.json").write_text(damaged)

    assert await EdgeTuning(tmp_path).read(BUILD) == SearchParameters()


async def test_a_build_that_is_not_there_is_left_alone(tmp_path: Path) -> None:
    tuning = EdgeTuning(tmp_path)

    await tuning.change(BUILD, FARTHER)

    assert await tuning.read(BUILD) is None
    assert await tuning.trouble(BUILD) is None
    assert current_generation(tmp_path / BUILD) is None


async def test_a_disk_that_takes_no_parameters_is_an_index_that_is_away(tmp_path: Path, generation: Path) -> None:
    (generation.parent / "search.new").mkdir()

    with pytest.raises(IndexUnavailable, match="keep how a build is searched"):
        await EdgeTuning(tmp_path).change(BUILD, FARTHER)


async def test_a_build_that_cannot_be_looked_at_is_an_index_that_is_away(tmp_path: Path, generation: Path) -> None:
    (generation.parent / "current").unlink()
    (generation.parent / "current").mkdir()

    with pytest.raises(IndexUnavailable, match="tell how a build is searched"):
        await EdgeTuning(tmp_path).read(BUILD)


async def test_trouble_lasts_until_a_rebuild_succeeds(tmp_path: Path, generation: Path) -> None:
    edge_trouble.note_trouble(generation.parent, "The index's disk is full.")
    assert await EdgeTuning(tmp_path).trouble(BUILD) == "The index's disk is full."

    edge_trouble.end_trouble(generation.parent)

    assert await EdgeTuning(tmp_path).trouble(BUILD) is None


async def test_other_engines_are_not_tuned() -> None:
    tuning = FixedTuning("qdrant")

    await tuning.change(BUILD, FARTHER)

    assert (await tuning.engine(), await tuning.read(BUILD), await tuning.trouble(BUILD)) == ("qdrant", None, None)


def test_a_container_may_have_less_memory_than_its_machine(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text("4096\n")
    assert memory_bytes(limit) == 4096

    limit.write_text("max\n")

    assert memory_bytes(limit) == memory_bytes(tmp_path / "absent") > 4096


def found_in(path: Path) -> tuple[bool, list[Candidate]]:
    """Open a shard; return whether it has 8-bit vectors, and what its graph finds."""
    shard = Shard.load(path)
    found = shard.search(
        query(), among=Visible(scope=TEAM, corpus_id=CORPUS, version=1), limit=10, exact_below=0, ef=512
    )
    shard.close()
    return shard.int8, found


def test_a_rebuild_takes_up_8_bit_vectors_and_gives_them_up_again(tmp_path: Path) -> None:
    whole, anew = tmp_path / "whole", tmp_path / "anew"
    shard = Shard.create(whole, dimensions=DIMENSIONS, exact_below=10, graph=GraphParameters())
    shard.apply(edge_schema.upsert(points("p", 500)))
    shard.flush()
    shard.close()
    before = found_in(whole)

    optimise(whole, exact_below=10, graph=GraphParameters(int8=True))
    quantised = found_in(whole)
    fill(whole, anew, exact_below=10, graph=GraphParameters())

    assert [before[0], quantised[0], found_in(anew)[0]] == [False, True, False]
    assert [one.chunk_id for one in quantised[1]] == [one.chunk_id for one in before[1]]
    assert np.allclose([one.dense_score for one in quantised[1]], [one.dense_score for one in before[1]], atol=1e-5)
