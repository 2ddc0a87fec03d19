"""Which engine answers searches, and which one is brought to follow it: one row for the whole service."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rag_service.domain.ids import Fingerprint, PointId

ROUTE_AGE_S = 1.0
"""How old a process's knowledge of the route may be. After twice as long, everything that began under the one before is over."""


class RouteState(StrEnum):
    """Steady: one engine has it all. Copying: another one gets every write, and is being filled.

    Comparing: it holds the same, and a sample of searches is asked of both. Switched: it serves, and the one of before
    follows, until that is gone back to or let go. Emptying: the one that followed gets nothing any more, and loses all it
    holds.
    """

    STEADY = "steady"
    COPYING = "copying"
    COMPARING = "comparing"
    SWITCHED = "switched"
    EMPTYING = "emptying"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRoute:
    """`copied` points have come over, in order of build and point id, up to `copied_to` of `copied_build`.

    `compared` searches of users were asked of both engines; `overlap` is the sum of how far the best hits agreed, each
    in [0, 1].
    """

    serving: str
    following: str | None
    state: RouteState
    since: datetime
    copied_build: Fingerprint | None = None
    copied_to: PointId | None = None
    copied: int = 0
    compared: int = 0
    overlap: float = 0.0

    @property
    def follower(self) -> str | None:
        """The engine that gets every write as well."""
        return None if self.state is RouteState.EMPTYING else self.following

    def stands_as(self, other: "IndexRoute") -> bool:
        """Say whether engines and state are those of another route, however far its copy is."""
        return (self.serving, self.following, self.state) == (other.serving, other.following, other.state)

    @property
    def mean_overlap(self) -> float | None:
        """How far searches of users agreed, None without any."""
        return self.overlap / self.compared if self.compared else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedWrites:
    """A build of which an engine lacks writes that the serving one has. `writes` counts all that were ever noted."""

    engine: str
    fingerprint: Fingerprint
    writes: int
