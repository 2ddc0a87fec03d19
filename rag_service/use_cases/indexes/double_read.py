"""Ask two engines the same questions, and say how far what they find agrees."""

from dataclasses import dataclass

from rag_service.domain.overlaps import overlap_at
from rag_service.ports.vector_index import VectorIndex
from rag_service.use_cases.indexes.copy_builds import readable_builds
from rag_service.use_cases.indexes.reading_points import HITS, ask_like, spread_points

QUESTIONS = 64
"""Asked of each build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Mean overlaps of the best hits in [0, 1]: of searches as users make them, and of full scans."""

    questions: int
    usual: float
    exact: float


async def double_read(ours: VectorIndex, theirs: VectorIndex, *, questions: int = QUESTIONS) -> Agreement:
    """Ask questions worded as chunks of each build; without any point everything agrees."""
    usual: list[float] = []
    exact: list[float] = []
    for fingerprint in sorted(await readable_builds(ours)):
        for point in await spread_points(ours, fingerprint, questions):
            for overlaps, is_exact in ((usual, False), (exact, True)):
                mine = await ask_like(ours, fingerprint, point, exact=is_exact)
                other = await ask_like(theirs, fingerprint, point, exact=is_exact)
                overlaps.append(overlap_at(HITS, mine, other))
    return Agreement(questions=len(usual), usual=_mean(usual), exact=_mean(exact))


def _mean(overlaps: list[float]) -> float:
    return sum(overlaps) / len(overlaps) if overlaps else 1.0
