"""Questions as people ask them: some of them again and again."""

import random

from tests.bench.texts import questions

_ALL = 1_000
_OFTEN = 50
_SEED = 7


class Mix:
    """Questions of which a share is one of fifty that are asked often; the others come once each."""

    def __init__(self, repeated: float) -> None:
        found = questions(_ALL)
        self.repeated = repeated
        self._often, self._others = found[:_OFTEN], found[_OFTEN:]
        self._random = random.Random(_SEED)  # noqa: S311  (repeatable, not secret)
        self._asked = 0

    def question(self) -> str:
        """Return the next question."""
        if self._random.random() < self.repeated:
            return self._random.choice(self._often)
        # Real questions, each with words of others at its end, so that there are enough of them.
        self._asked += 1
        turn, place = divmod(self._asked, len(self._others))
        besides = self._others[(place + 7 * turn + 1) % len(self._others)].split()[-2:]
        return f"{self._others[place]} {' '.join(besides)} {turn or ''}".strip()
