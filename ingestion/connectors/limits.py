"""What sources may reach and use: the operator's choice, the same for every source."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLimits:
    """Limits of one opened source.

    `cache_dir` belongs to this source alone and may be removed between runs: it holds copies of what the source holds.
    `allowed_roots` are the folders of this machine that sources may read; none when empty. `allow_private` lets sources
    reach this machine and its private network, never link-local addresses, where cloud machines keep their credentials.
    """

    cache_dir: Path
    allowed_roots: tuple[Path, ...] = ()
    allow_private: bool = False
    max_items: int = 100_000
    max_item_bytes: int = 512 * 2**20
    max_repository_bytes: int = 2 * 2**30
    request_timeout_s: float = 30.0
    listing_timeout_s: float = 3600.0
    retry_wait_s: float = 1.0
