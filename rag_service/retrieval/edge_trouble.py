"""Why an Edge build could not be optimised the last time: a file beside the shard, for whoever watches.

INDEX_DIR/FINGERPRINT/trouble.txt     the reason; there only while the last try failed
"""

from contextlib import suppress
from pathlib import Path

_FILE = "trouble.txt"


def note_trouble(build: Path, reason: str) -> None:
    """Keep the reason; where the disk has no room even for that, the log tells it."""
    with suppress(OSError):
        (build / _FILE).write_text(reason, encoding="utf-8")


def end_trouble(build: Path) -> None:
    """Forget the reason, if there was one."""
    with suppress(OSError):
        (build / _FILE).unlink(missing_ok=True)


def trouble_of(build: Path) -> str | None:
    """Return the reason, None when the last try succeeded."""
    try:
        return (build / _FILE).read_text("utf-8", errors="replace")
    except OSError:
        return None
