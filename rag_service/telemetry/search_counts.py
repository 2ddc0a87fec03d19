"""What searches did without, and what they did not have to do again, counted since the start of this process."""

from collections import Counter
from enum import StrEnum


class CacheResult(StrEnum):
    """Hit: it was kept. Shared: somebody else was computing it. Miss: it was computed."""

    HIT = "hit"
    SHARED = "shared"
    MISS = "miss"


class SearchCounts:
    """Counts of one process. Names of caches and reasons are few and fixed: none comes from a request."""

    def __init__(self) -> None:
        self.cached: Counter[tuple[str, CacheResult]] = Counter()
        self.degraded: Counter[str] = Counter()

    def count_cached(self, cache: str, result: CacheResult) -> None:
        """Count one look into a cache."""
        self.cached[cache, result] += 1

    def count_degraded(self, reasons: tuple[str, ...]) -> None:
        """Count one search by what it did without."""
        self.degraded.update(reasons)
