"""What an index of a size takes: memory, disk, shards and hours of embedding, from measured constants.

Every constant says where it comes from; `python -m tests.bench.index_bytes` measures those of bytes anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from rag_service.errors import InvalidRequest

GIB = 2**30
_FLOAT_BYTES = 4
_MEASURED_DIMENSIONS = 384


class Unit(StrEnum):
    """What a cost is counted in."""

    MEMORY = "GiB of memory"
    DISK = "GiB of disk"
    CORE_HOURS = "core hours, once"


_WEIGHTS: Mapping[Unit, float] = {Unit.MEMORY: 1.0, Unit.DISK: 1 / 40, Unit.CORE_HOURS: 1 / 140}
"""Gibibytes of memory for a month that cost as much as one unit: ratios of clouds' list prices, for the order only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCosts:
    """Bytes per point of 384 dimensions, vectors among them. `is_server`: several machines can share an index."""

    memory_bytes: float
    disk_bytes: float
    copies: int
    is_server: bool
    source: str

    def memory_of(self, dimensions: int) -> float:
        """Return the bytes of memory per point of so many dimensions."""
        return self.memory_bytes + _FLOAT_BYTES * (dimensions - _MEASURED_DIMENSIONS)

    def disk_of(self, dimensions: int) -> float:
        """Return the bytes on disk per point of so many dimensions."""
        return self.disk_bytes + _FLOAT_BYTES * (dimensions - _MEASURED_DIMENSIONS)


ENGINES: Mapping[str, EngineCosts] = {
    "edge": EngineCosts(
        memory_bytes=4_000,
        disk_bytes=3_750,
        copies=3,
        is_server=False,
        source="edge: 4,000 bytes of memory and 3,750 of disk per point of 384 dimensions and 108 words, unquantised, between "
        "10,000 and 40,000 points, all of them touched; a rebuild has room for two more copies (docs/adr/0003)",
    ),
    "faiss": EngineCosts(
        memory_bytes=3_500,
        disk_bytes=3_100,
        copies=2,
        is_server=False,
        source="faiss: 3,500 bytes of memory and 3,100 of disk per point of 384 dimensions and 108 words, between 10,000 and 40,000 "
        "points; 2,800 of both between 60,000 and 200,000; while it is compacted its rows are on disk twice",
    ),
    "qdrant": EngineCosts(
        memory_bytes=4_000,
        disk_bytes=3_750,
        copies=2,
        is_server=True,
        source="qdrant: taken to be as edge, whose engine it is; it rewrites one segment after the other, each at most once more",
    ),
}
"""`copies`: of the index on disk while it is rebuilt, that which serves among them."""

CATALOG_BYTES = 6_400.0
"""Per chunk beside its kept vector: its text twice, its rows, and those of its document."""

SNAPSHOT_BYTES = 230.0
"""Per point beside its vector."""

EMBEDDED_PER_CORE_SECOND = 12.5
"""Chunks of 162 tokens with all-MiniLM-L6-v2: 24 to 28 a second on two shared cores of an AMD EPYC."""

_OTHER_SOURCES = (
    "catalog: 6,400 bytes per chunk beside its vector, in SQLite, for 3,000 documents of one chunk of 108 words",
    "snapshot: 230 bytes per point beside its vector, for parts of 2,000 points",
    "embedding: 25 chunks of 162 tokens a second with all-MiniLM-L6-v2 on two shared cores of an AMD EPYC",
)

_FULL = 0.7
"""Of a machine's memory: the rest is for the system's cache, and for what is written before it is optimised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be planned for. `history`: how many points of former versions are kept for each one that is visible."""

    chunks: int
    engine: str = "edge"
    dimensions: int = _MEASURED_DIMENSIONS
    replicas: int = 1
    history: float = 0.2
    machine_gib: float = 64.0
    cores: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CostDriver:
    """Something that costs, and what lowers it."""

    name: str
    amount: float
    unit: Unit
    remedy: str

    @property
    def weight(self) -> float:
        """How it compares with others, in gibibytes of memory for a month."""
        return self.amount * _WEIGHTS[self.unit]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityPlan:
    """What it takes, of all machines together. `fits`: whether the engine can hold it in machines of that size."""

    points: int
    memory_gib: float
    disk_gib: float
    rebuild_disk_gib: float
    catalog_gib: float
    snapshot_gib: float
    embedding_hours: float
    shards: int
    replicas: int
    machines: int
    fits: bool
    drivers: tuple[CostDriver, ...]
    sources: tuple[str, ...]


def plan_capacity(wish: Wish) -> CapacityPlan:
    """Return the plan; the same wish has the same one.

    Raises:
        InvalidRequest: nothing was measured of the engine, or a number is impossible.
    """
    costs = _costs(wish)
    points = ceil(wish.chunks * (1 + wish.history))
    replicas = wish.replicas if costs.is_server else 1
    one_gib = points * costs.memory_of(wish.dimensions) / GIB
    needed = ceil(one_gib / (_FULL * wish.machine_gib))
    shards = needed if costs.is_server else 1
    disk_gib = replicas * points * costs.disk_of(wish.dimensions) / GIB
    vector_bytes = _FLOAT_BYTES * wish.dimensions
    catalog_gib = wish.chunks * (CATALOG_BYTES + vector_bytes) / GIB
    core_hours = wish.chunks / EMBEDDED_PER_CORE_SECOND / 3600
    return CapacityPlan(
        points=points,
        memory_gib=replicas * one_gib,
        disk_gib=disk_gib,
        rebuild_disk_gib=disk_gib * costs.copies,
        catalog_gib=catalog_gib,
        snapshot_gib=points * (SNAPSHOT_BYTES + vector_bytes) / GIB,
        embedding_hours=core_hours / wish.cores,
        shards=shards,
        replicas=replicas,
        machines=shards * replicas,
        fits=costs.is_server or needed <= 1,
        drivers=_drivers(
            wish,
            replicas=replicas,
            memory_gib=one_gib,
            core_hours=core_hours,
            disk_gib=disk_gib * costs.copies + catalog_gib,
        ),
        sources=(costs.source, *_OTHER_SOURCES),
    )


def _drivers(
    wish: Wish, *, replicas: int, memory_gib: float, disk_gib: float, core_hours: float
) -> tuple[CostDriver, ...]:
    vectors_gib = wish.chunks * _FLOAT_BYTES * wish.dimensions / GIB
    visible_gib = memory_gib / (1 + wish.history)
    found = [
        CostDriver(
            name="vectors in memory", amount=vectors_gib, unit=Unit.MEMORY, remedy="a model of fewer dimensions"
        ),
        CostDriver(
            name="words, ids and graph in memory",
            amount=visible_gib - vectors_gib,
            unit=Unit.MEMORY,
            remedy="larger chunks, so that there are fewer",
        ),
        CostDriver(
            name="points of former versions",
            amount=memory_gib - visible_gib,
            unit=Unit.MEMORY,
            remedy="a shorter retention of versions",
        ),
        CostDriver(name="replicas", amount=(replicas - 1) * memory_gib, unit=Unit.MEMORY, remedy="fewer of them"),
        CostDriver(name="disk of index, rebuild and catalog", amount=disk_gib, unit=Unit.DISK, remedy="larger chunks"),
        CostDriver(
            name="embedding", amount=core_hours, unit=Unit.CORE_HOURS, remedy="a GPU, or vectors that are imported"
        ),
    ]
    return tuple(sorted((one for one in found if one.amount > 0), key=lambda one: -one.weight))


def _costs(wish: Wish) -> EngineCosts:
    if wish.engine not in ENGINES:
        raise InvalidRequest(f"Nothing was measured of {wish.engine!r}. Known are {', '.join(ENGINES)}.")
    if min(wish.chunks, wish.dimensions, wish.replicas, wish.cores) < 1 or wish.machine_gib <= 0 or wish.history < 0:
        raise InvalidRequest("Chunks, dimensions, replicas, cores and memory have to be above zero.")
    return ENGINES[wish.engine]
