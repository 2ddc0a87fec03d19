"""How much work something is, in a count that no busy machine changes."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import TraceFunction


def lines_in(act: Callable[[], object]) -> int:
    """Return how many lines of Python `act` runs."""
    lines = 0

    def count(_frame: FrameType, event: str, _argument: object) -> "TraceFunction":
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        act()
    finally:
        sys.settrace(before)
    return lines


def calls_in(act: Callable[[], object]) -> int:
    """Return how many functions `act` calls, those of libraries written in C included."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(before)
    return calls
