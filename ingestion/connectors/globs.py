"""Which paths of a source are wanted."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

_ANY_FOLDERS = "**"


class Globs:
    """Includes everything when nothing is included; what is excluded stays out whatever includes it.

    `*` and `?` stay within one name, `**` stands for any folders, `[ab]` for one of these. A pattern without a slash is
    compared with the last name of a path, one with a slash with the whole path, and one that ends in a slash with the
    folders of the path.
    """

    def __init__(self, *, include: Iterable[str], exclude: Iterable[str]) -> None:
        self._include = [_steps(pattern) for pattern in include]
        self._exclude = [_steps(pattern) for pattern in exclude]

    def want(self, path: str) -> bool:
        """Say whether `path`, without a slash at its start, is wanted."""
        names = path.split("/")
        if any(_match(names, steps) for steps in self._exclude):
            return False
        return not self._include or any(_match(names, steps) for steps in self._include)


def _steps(pattern: str) -> list[str]:
    steps = [step for step in pattern.split("/") if step]
    if pattern.endswith("/"):
        steps += ["*", _ANY_FOLDERS]
    return steps if "/" in pattern.rstrip("/") else [_ANY_FOLDERS, *steps]


def _match(names: Sequence[str], steps: Sequence[str]) -> bool:
    # All ways through the pattern at once: trying one after the other would take exponential time on hostile patterns.
    reached = _with_skips({0}, steps)
    for name in names:
        after = {at for at in reached if at < len(steps) and steps[at] == _ANY_FOLDERS}
        after |= {at + 1 for at in reached - after if at < len(steps) and fnmatchcase(name, steps[at])}
        reached = _with_skips(after, steps)
    return len(steps) in reached


def _with_skips(reached: set[int], steps: Sequence[str]) -> set[int]:
    found = set(reached)
    for at in sorted(reached):
        end = at
        while end < len(steps) and steps[end] == _ANY_FOLDERS:
            end += 1
            found.add(end)
    return found
