"""Kill the service again and again while people work with it, and look now and then whether everything is there."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.faults.kill_loop.asking import Asking
from tests.faults.kill_loop.checks import check
from tests.faults.kill_loop.crowd import Crowd
from tests.faults.kill_loop.index_checks import check_answers, check_points
from tests.faults.kill_loop.person import Person
from tests.faults.kill_loop.reader import Reader
from tests.faults.kill_loop.rows import Rows, rows_of
from tests.faults.kill_loop.victims import Victims, running
from tests.patience import PATIENCE_S

LONGEST_PAUSE_S = 1.6
"""Between two kills. A worker that met a dead index soon looks at a job again here: see the zygote."""

_CORPORA = ("orchard", "garden")
_TWO_AT_ONCE = 0.2
_KILLS_BETWEEN_LOOKS = 20
_REST_S = 2 * PATIENCE_S
"""Seconds on an idle machine; a busy one must not fail."""
_OLD_VERSIONS = 5
"""Versions asked again at each look; at the last look all are."""


@dataclass(frozen=True)
class Survived:
    """What the service went through."""

    kills: int
    actions: int
    versions: int


@dataclass(frozen=True)
class Loop:
    """A service, and for each corpus one person who changes it and one who reads it."""

    victims: Victims
    chance: random.Random
    people: list[Person]
    readers: list[Reader]
    changing: Crowd
    reading: Crowd

    def run(self, kills: int, longest_pause_s: float) -> None:
        """Kill that often; on a slow machine less often, so that there is something to be lost."""
        for number in range(1, kills + 1):
            self._wait_until_more_was_done(than=number)
            time.sleep(self.chance.uniform(0, longest_pause_s))
            self.changing.raise_what_went_wrong()
            self.reading.raise_what_went_wrong()
            self.victims.kill(
                self.chance.sample(self.victims.programs, 2 if self.chance.random() < _TWO_AT_ONCE else 1)
            )
            if number % _KILLS_BETWEEN_LOOKS == 0 or number == kills:
                self._look(is_last=number == kills)

    def _wait_until_more_was_done(self, *, than: int) -> None:
        deadline = time.monotonic() + _REST_S
        while sum(person.record.actions for person in self.people) <= than:
            self.changing.raise_what_went_wrong()
            assert time.monotonic() < deadline, f"no more than {than} actions after {_REST_S} s"
            time.sleep(0.05)

    def _look(self, *, is_last: bool) -> None:
        with self.changing.paused():
            self.victims.wait_until_ready()
            with self._rows_at_rest():
                pass
            # Until here somebody reads, so that a version which is seen too early is seen.
            with self.reading.paused(), self._rows_at_rest() as corpora:
                for person, reader, rows in zip(self.people, self.readers, corpora, strict=True):
                    known = set(person.record.versions)
                    check(person.record, rows, reader.seen)
                    check_points(self.victims.data_dir, rows)
                    check_answers(reader, person.record, rows, self._to_ask(rows, known, everything=is_last))
            findings = self.people[0].findings()
            assert findings == [], f"the reconciler would mend {findings}"

    def _to_ask(self, rows: Rows, known: set[int], *, everything: bool) -> list[int]:
        old = sorted(known & rows.versions.keys())
        asked_again = old if everything else self.chance.sample(old, min(_OLD_VERSIONS, len(old)))
        return [*asked_again, *sorted(rows.versions.keys() - known)]

    @contextmanager
    def _rows_at_rest(self) -> Iterator[list[Rows]]:
        """Read the corpora at a moment without work: a preview that waits for another is tried now and then."""
        deadline = time.monotonic() + _REST_S
        while True:
            with rows_of(self.victims.data_dir, _CORPORA) as corpora:
                if not (unfinished := [row for rows in corpora for row in rows.unfinished()]):
                    yield corpora
                    return
            assert time.monotonic() < deadline, f"still at work after {_REST_S} s: {unfinished}"
            time.sleep(0.1)


def survive(
    data_dir: Path, *, kills: int, seed: int, dispatcher: str, longest_pause_s: float = LONGEST_PAUSE_S
) -> Survived:
    """Kill at `kills` moments that follow from `seed`; raise AssertionError when anything is lost, double or stuck."""
    chance = random.Random(seed)  # noqa: S311  (not for secrets)
    with running(data_dir, dispatcher) as victims:
        try:
            with _at_work(victims, chance) as loop:
                loop.run(kills, longest_pause_s)
        except Exception as error:
            error.add_note(f"seed {seed}\n{victims.logs()}")
            raise
    records = [person.record for person in loop.people]
    return Survived(
        kills=kills,
        actions=sum(record.actions for record in records),
        versions=sum(len(record.versions) for record in records),
    )


@contextmanager
def _at_work(victims: Victims, chance: random.Random) -> Iterator[Loop]:
    ended = threading.Event()
    with ExitStack() as stack:

        def asking(own: random.Random) -> Asking:
            headers = {"authorization": f"Bearer {victims.key}"}
            client = httpx.Client(base_url=victims.url, headers=headers, timeout=PATIENCE_S)
            return Asking(stack.enter_context(client), own, ended)

        def somebody() -> random.Random:
            return random.Random(chance.getrandbits(64))  # noqa: S311  (not for secrets)

        people = [Person(asking(own), own, corpus) for corpus in _CORPORA for own in [somebody()]]
        readers = [Reader(asking(somebody()), corpus) for corpus in _CORPORA]
        loop = Loop(victims, chance, people, readers, Crowd(people, ended), Crowd(readers, ended))
        stack.enter_context(loop.reading.at_work())
        stack.enter_context(loop.changing.at_work())
        yield loop
