"""`rag index`: work on whole indexes, and planning one."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from rag_service.cli.importing import import_rows
from rag_service.cli.programs import end_as
from rag_service.domain.capacity import CapacityPlan, Wish, plan_capacity

_MODULE = "rag_service.index_operations"
_COUNT = re.compile(r"(\d+(?:\.\d+)?)([kMG]?)")
_TIMES = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}


@click.group()
def index() -> None:
    """Work on whole indexes: snapshots, rebuilds, changing the engine, import, planning."""


def _forward(name: str, said: str) -> None:
    @index.command(name, help=said, context_settings={"ignore_unknown_options": True, "help_option_names": []})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def command(arguments: tuple[str, ...]) -> None:
        end_as(_MODULE, (name, *arguments))


index.add_command(import_rows)
_forward("status", "Say which engine serves, which one follows, and what they hold.")
_forward("snapshot", "Write builds into a folder. `rag index snapshot --help` lists its options, here and below.")
_forward("restore", "Bring builds back from a folder, except what was erased since.")
_forward("rebuild", "Drop a build and write it anew from kept vectors.")
_forward("migrate", "Bring the service to another engine while it answers.")


def _count(text: str) -> int:
    found = _COUNT.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text} is no number such as 200000, 200k or 1.5M.")
    return round(float(found[1]) * _TIMES[found[2]])


@index.command()
@click.option("--chunks", type=_count, required=True, help="How many will be visible, such as 50M.")
@click.option("--engine", default="edge", show_default=True, help="As in RAG_RETRIEVAL__BACKEND.")
@click.option("--dimensions", type=int, default=384, show_default=True, help="Of the embedding model.")
@click.option(
    "--replicas", type=int, default=1, show_default=True, help="Copies that serve, where the engine has them."
)
@click.option(
    "--history", type=float, default=0.2, show_default=True, help="Points of former versions per visible one."
)
@click.option("--machine-gib", type=float, default=64.0, show_default=True, help="Memory of one machine.")
@click.option("--cores", type=int, default=2, show_default=True, help="That embed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
def plan(*, as_json: bool, **wish: Any) -> None:
    """Say what an index of a size takes: memory, disk, shards, hours of embedding, and what costs most."""
    made = plan_capacity(Wish(**wish))
    click.echo(json.dumps(asdict(made)) if as_json else "\n".join(_lines(made)))


def _lines(made: CapacityPlan) -> Iterator[str]:
    rows = (
        ("points, former versions included", f"{made.points:,}"),
        ("memory of the index", f"{made.memory_gib:,.1f} GiB"),
        ("disk of the index", f"{made.disk_gib:,.1f} GiB"),
        ("disk while it is rebuilt", f"{made.rebuild_disk_gib:,.1f} GiB"),
        ("catalog with kept vectors", f"{made.catalog_gib:,.1f} GiB"),
        ("a snapshot", f"{made.snapshot_gib:,.1f} GiB"),
        ("embedding, once", f"{made.embedding_hours:,.1f} hours"),
        ("shards x replicas", f"{made.shards} x {made.replicas} = {made.machines} machines"),
    )
    yield from (f"{name:<34}{value:>24}" for name, value in rows)
    if not made.fits:
        yield "This engine runs on one machine, and this one has too little memory for it: plan with --engine qdrant."
    yield "What costs most:"
    for number, one in enumerate(made.drivers, start=1):
        yield f"  {number}. {one.name}: {one.amount:,.1f} {one.unit.value}; lower by {one.remedy}"
    yield "Measured:"
    yield from (f"  {source}" for source in made.sources)
