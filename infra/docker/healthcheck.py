"""Asks a container's program whether it is well; the standard library alone, since it runs every ten seconds.

healthcheck.py http URL        the address answers with a status below 400
healthcheck.py socket PATH     something listens on the Unix socket
healthcheck.py program WORDS   a program runs whose command line has these words
"""  # noqa: INP001  (copied into the images, no package)

import socket
import sys
import urllib.request
from pathlib import Path

_TIMEOUT_S = 4.0


def _http(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as reply:  # noqa: S310  (the address is in the Dockerfile)
        return bool(reply.status < 400)  # noqa: PLR2004


def _socket(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_TIMEOUT_S)
        probe.connect(path)
    return True


def _program(words: str) -> bool:
    own = Path("/proc/self").resolve().name
    return any(words in _command(process) for process in Path("/proc").glob("[0-9]*") if process.name != own)


def _command(process: Path) -> str:
    try:
        parts = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:  # it has just ended
        return ""
    # The init process carries the words of what it runs.
    if Path(parts[0].decode(errors="replace")).name == "tini":
        return ""
    # A script is run by its path: /opt/rag/bin/rag is `rag`.
    return " ".join(part.decode(errors="replace").rsplit("/", 1)[-1] for part in parts)


def main(kind: str, what: str) -> int:
    """Return 0 when it is well."""
    try:
        return 0 if {"http": _http, "socket": _socket, "program": _program}[kind](what) else 1
    except OSError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
