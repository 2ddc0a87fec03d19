"""The programs that the parser's process may start: what holds for all of them."""

import ctypes
import signal

ORG_TO_HTML = ("--sandbox", "--standalone", "--from=org", "--to=html")
"""What pandoc is told. In its sandbox it opens no file that the text names; it has one since version 2.15."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def die_with_the_parser() -> None:
    """Make a new process end with the parser's, which may be killed at any time: nobody else knows of it."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
