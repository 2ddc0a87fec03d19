"""Several people at work at once, each in a thread of their own."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol

from tests.patience import PATIENCE_S

_PAUSE_S = 0.1
"""After each thing that somebody does: on few cores the worker must keep up with them."""


class Active(Protocol):
    """Somebody who does one thing after the other."""

    def act(self) -> None:
        """Do one thing."""


class Crowd:
    """People who work until they are asked to pause, or until `ended`."""

    def __init__(self, people: Sequence[Active], ended: threading.Event) -> None:
        self._people = people
        self._ended = ended
        self._working = threading.Event()
        self._turns = [threading.Lock() for _ in people]
        self._errors: list[BaseException] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let them work during the block; all ends with it."""
        pairs = zip(self._people, self._turns, strict=True)
        threads = [threading.Thread(target=self._work, args=pair, daemon=True) for pair in pairs]
        for thread in threads:
            thread.start()
        self._working.set()
        try:
            yield
        finally:
            self._ended.set()
            self._working.set()
            for thread in threads:
                thread.join(PATIENCE_S)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let everybody end what they do, and do nothing during the block."""
        self._working.clear()
        with ExitStack() as stack:
            for turn in self._turns:
                stack.enter_context(turn)
            self.raise_what_went_wrong()
            yield
        self._working.set()

    def raise_what_went_wrong(self) -> None:
        """Raise the first thing that somebody found wrong."""
        for error in self._errors:
            raise error

    def _work(self, person: Active, turn: threading.Lock) -> None:
        try:
            while not self._ended.is_set():
                self._working.wait()
                with turn:
                    # Who was asked to pause while waiting for the turn does nothing more.
                    if self._working.is_set() and not self._ended.is_set():
                        person.act()
                self._ended.wait(_PAUSE_S)
        except BaseException as error:  # noqa: BLE001  (it is raised where the test is)
            if not self._ended.is_set():
                self._errors.append(error)
