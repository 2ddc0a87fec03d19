"""The capacity planner: what is planned follows from constants that say where they come from."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from rag_service.cli import main
from rag_service.domain.capacity import ENGINES, GIB, Wish, plan_capacity
from rag_service.errors import InvalidRequest

WISH = Wish(chunks=1_000_000)


@pytest.mark.parametrize("engine", ENGINES)
def test_twice_the_chunks_take_twice_the_memory_disk_and_time(engine: str) -> None:
    one, two = (plan_capacity(replace(WISH, engine=engine, chunks=count)) for count in (1_000_000, 2_000_000))

    assert two.memory_gib == pytest.approx(2 * one.memory_gib)
    assert two.rebuild_disk_gib == pytest.approx(2 * one.rebuild_disk_gib)
    assert two.embedding_hours == pytest.approx(2 * one.embedding_hours)


def test_a_dimension_more_takes_four_bytes_a_point() -> None:
    one, other = plan_capacity(WISH), plan_capacity(replace(WISH, dimensions=385))

    assert other.memory_gib - one.memory_gib == pytest.approx(4 * one.points / GIB)


def test_a_rebuild_of_edge_has_room_for_two_more_copies() -> None:
    plan = plan_capacity(WISH)

    assert plan.rebuild_disk_gib == pytest.approx(3 * plan.disk_gib)


def test_what_does_not_fit_into_a_machine_is_cut_into_shards_by_a_server_only() -> None:
    large = replace(WISH, chunks=50_000_000, machine_gib=64, replicas=2)
    edge, server = plan_capacity(large), plan_capacity(replace(large, engine="qdrant"))

    assert (edge.fits, edge.shards, edge.replicas) == (False, 1, 1)
    assert server.fits and server.shards * 0.7 * 64 >= server.memory_gib / 2
    assert server.machines == 2 * server.shards


def test_what_costs_most_comes_first() -> None:
    weights = [driver.weight for driver in plan_capacity(WISH).drivers]

    assert weights == sorted(weights, reverse=True) and weights[-1] > 0


@pytest.mark.parametrize("engine", ENGINES)
def test_every_constant_says_where_it_comes_from(engine: str) -> None:
    assert all(plan_capacity(replace(WISH, engine=engine)).sources)


@pytest.mark.parametrize("changes", [{"engine": "abacus"}, {"chunks": 0}, {"history": -1.0}, {"machine_gib": 0.0}])
def test_what_cannot_be_planned_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        plan_capacity(replace(WISH, **changes))


def test_a_plan_is_shown_as_a_table_and_as_json() -> None:
    shown = CliRunner().invoke(main, ["index", "plan", "--chunks", "1.5M"])
    told = CliRunner().invoke(main, ["index", "plan", "--chunks", "1.5M", "--json"])

    assert "1,800,000" in shown.stdout and "What costs most:" in shown.stdout
    assert json.loads(told.stdout)["points"] == 1_800_000


def test_what_is_no_count_is_told() -> None:
    result = CliRunner().invoke(main, ["index", "plan", "--chunks", "many"])

    assert result.exit_code == 2 and "many is no number such as" in result.stderr
