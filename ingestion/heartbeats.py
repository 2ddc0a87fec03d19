"""Noticing that the holder of a job is gone, without trusting any clock on the wall."""

from collections.abc import Callable, Sequence

from rag_service.domain.jobs import Heartbeat


class Heartbeats:
    """Remembers since when, by the monotonic clock, each running job shows the same heartbeat."""

    def __init__(self, *, monotonic: Callable[[], float], patience_s: float) -> None:
        self._monotonic = monotonic
        self._patience_s = patience_s
        self._since: dict[Heartbeat, float] = {}

    def silent(self, running: Sequence[Heartbeat]) -> list[Heartbeat]:
        """Return those of the running jobs that have shown nothing new for longer than `patience_s`."""
        now = self._monotonic()
        self._since = {beat: self._since.get(beat, now) for beat in running}
        return [beat for beat, since in self._since.items() if now - since >= self._patience_s]
