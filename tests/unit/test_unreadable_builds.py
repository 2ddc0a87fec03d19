"""A build that cannot be opened is not tried for every question."""

import pytest

from rag_service.domain.ids import Fingerprint
from rag_service.errors import IndexUnavailable
from rag_service.retrieval.unreadable_builds import UnreadableBuilds

BUILD, OTHER = Fingerprint("b" * 32), Fingerprint("c" * 32)


class Opener:
    """Opens builds, at a time that a test sets; counts how often it tried."""

    def __init__(self) -> None:
        self.now, self.tried, self.is_damaged = 100.0, 0, True
        self.takes_s = 0.0
        self.unreadable = UnreadableBuilds(monotonic=lambda: self.now)

    def open(self, fingerprint: Fingerprint = BUILD) -> None:
        with self.unreadable.opening(fingerprint):
            self.tried += 1
            self.now += self.takes_s
            if self.is_damaged:
                raise IndexUnavailable("It is damaged.")


@pytest.fixture
def opener() -> Opener:
    made = Opener()
    with pytest.raises(IndexUnavailable):
        made.open()
    return made


def test_what_failed_is_refused_for_a_minute_with_the_reason_of_then(opener: Opener) -> None:
    opener.now += 59

    with pytest.raises(IndexUnavailable, match="It is damaged"):
        opener.open()

    assert opener.tried == 1


def test_after_a_minute_it_is_tried_again(opener: Opener) -> None:
    opener.now += 60
    opener.is_damaged = False

    opener.open()

    assert opener.tried == 2


def test_what_took_long_to_fail_is_refused_a_hundred_times_as_long(opener: Opener) -> None:
    opener.now += 60
    opener.takes_s = 25
    for waited_s in (0, 2_499):
        opener.now += waited_s
        with pytest.raises(IndexUnavailable):
            opener.open()
    assert opener.tried == 2

    opener.now += 1
    opener.is_damaged = False
    opener.open()

    assert opener.tried == 3


def test_what_was_forgotten_is_tried_at_once(opener: Opener) -> None:
    opener.is_damaged = False
    opener.unreadable.forget(BUILD)

    opener.open()

    assert opener.tried == 2


def test_another_build_is_opened_meanwhile(opener: Opener) -> None:
    opener.is_damaged = False

    opener.open(OTHER)

    assert opener.tried == 2
