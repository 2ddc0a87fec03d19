"""How long sealing a draft of one document takes, by the size of its corpus: `python -m tests.bench.seal_curve 1000 10000`.

Sizes are counted in chunks; each document has one, the most rows that a corpus of a size can have.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

from rag_service.domain.access import system_scope
from rag_service.domain.drafts import Draft, SealPurpose
from tests.bench.curve import curve_svg
from tests.bench.figures import HEADER, Figure
from tests.bench.stages import Stages
from tests.integration.desk import Desk, held
from tests.integration.edge_desk import accept_rows, edge_desk
from tests.made_rows import made_rows

SIZES = (1_000, 10_000)
WHOLE = (*SIZES, 100_000)
FIGURE = Path(__file__).resolve().parents[2] / "docs" / "figures" / "seal_curve.svg"
_ROUNDS = 5
_STAGES = {
    "index": ("index.write", "index.retire"),
    "rows, frequencies": ("versions.frequencies", "drafts.finish_sealing"),
    "commits": ("commit",),
}


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """One seal of a draft of one document: `seconds` by call of catalog and index, `total_s` with all between them."""

    chunk_count: int
    total_s: float
    seconds: Mapping[str, float]

    def stages(self) -> dict[str, float]:
        """Return the seconds by stage; what is not named is the rest."""
        found = {name: sum(self.seconds.get(call, 0.0) for call in calls) for name, calls in _STAGES.items()}
        return {"total": self.total_s, **found, "the rest": self.total_s - sum(found.values())}


def seal_figures(sizes: Sequence[int], *, figure: Path | None = None) -> list[Figure]:
    """Measure; with `figure`, also draw the curve there."""
    measured = asyncio.run(_measured(sizes))
    if figure is not None:
        _draw(measured, figure)
    return [
        Figure(f"seal of one document, {one.chunk_count:,} chunks: {name}", 1000 * seconds, "ms",
               limit="seconds" if name == "total" else "")
        for one in measured
        for name, seconds in one.stages().items()
    ]  # fmt: skip


async def _measured(sizes: Sequence[int]) -> list[Sealed]:
    return [sealed async for sealed in _sealed_at(sizes)]


async def _sealed_at(sizes: Sequence[int]) -> AsyncIterator[Sealed]:
    """Let one corpus grow, and yield the median of some seals at each size."""
    loaded = 0
    async with edge_desk() as desk:
        for size in sizes:
            await accept_rows(desk, made_rows(range(loaded, size)))
            await desk.work_off()
            await _optimise(desk)
            loaded = size
            seals = [await _seal_one(desk, number, size) for number in range(_ROUNDS)]
            middle = median_low(seal.total_s for seal in seals)
            yield next(seal for seal in seals if seal.total_s == middle)


async def _seal_one(desk: Desk, number: int, size: int) -> Sealed:
    """Change one document in a draft of its own, and publish it."""
    parts, name = desk.worker.container, f"{size}-{number}"
    draft = await parts.drafts.open(desk.admin, corpus=desk.corpus, name=name)
    await accept_rows(desk, made_rows([number], edition=size), draft=name)
    await desk.ask(draft, SealPurpose.PUBLISH)
    return await _timed_seal(desk, draft, size)


async def _timed_seal(desk: Desk, draft: Draft, size: int) -> Sealed:
    parts, stages = desk.worker.container, Stages()
    seal = desk.sealing(catalog=stages.watched_catalog(parts.catalog), index=stages.watched(parts.index, "index"))
    with stages.stage("total"):
        version = await seal(system_scope(desk.admin.tenant_id), draft.id, still_held=held)
    assert version.chunk_count == size
    return Sealed(chunk_count=size, total_s=stages.seconds.pop("total"), seconds=stages.seconds)


async def _optimise(desk: Desk) -> None:
    """Do now what the index host does by itself after a large write."""
    index = desk.worker.container.index
    for fingerprint in await index.builds():
        await index.optimise(fingerprint)


def _draw(measured: Sequence[Sealed], figure: Path) -> None:
    names = measured[0].stages()
    series = {name: [(one.chunk_count, one.stages()[name]) for one in measured] for name in names}
    figure.parent.mkdir(parents=True, exist_ok=True)
    title = "Sealing a draft of one document, by size of the corpus"
    figure.write_text(curve_svg(title, series, x_label="chunks in the corpus", y_label="seconds"), encoding="utf-8")


def main() -> None:
    """Measure at the sizes that are named, print a line per stage, and draw the curve when they are all of `WHOLE`."""
    sizes = tuple(int(argument) for argument in sys.argv[1:]) or WHOLE
    lines = [figure.line() for figure in seal_figures(sizes, figure=FIGURE if sizes == WHOLE else None)]
    sys.stdout.write("\n".join([HEADER, *lines, ""]))


if __name__ == "__main__":
    main()
