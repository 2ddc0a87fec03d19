from ingestion.heartbeats import Heartbeats
from rag_service.domain.ids import JobId
from rag_service.domain.jobs import Heartbeat


class Monotonic:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def beat(count: int, fence: int = 1) -> Heartbeat:
    return Heartbeat(job_id=JobId("job"), fence=fence, count=count)


def test_a_holder_is_silent_when_nothing_changed_for_the_whole_patience() -> None:
    clock = Monotonic()
    heartbeats = Heartbeats(monotonic=clock, patience_s=60)
    heartbeats.silent([beat(3)])

    clock.now += 59
    assert heartbeats.silent([beat(3)]) == []
    clock.now += 1
    assert heartbeats.silent([beat(3)]) == [beat(3)]


def test_a_renewed_lease_or_another_holder_starts_anew() -> None:
    clock = Monotonic()
    heartbeats = Heartbeats(monotonic=clock, patience_s=60)
    for running in (beat(3), beat(4), beat(4, fence=2)):
        assert heartbeats.silent([running]) == []
        clock.now += 50


def test_a_job_that_ended_in_between_is_forgotten() -> None:
    clock = Monotonic()
    heartbeats = Heartbeats(monotonic=clock, patience_s=60)
    for running in ([beat(3)], []):
        heartbeats.silent(running)
        clock.now += 50

    assert heartbeats.silent([beat(3)]) == []
