"""Where the shard of a build lies on disk, and how one copy of it takes the place of another.

INDEX_DIR/FINGERPRINT/current         names the generation that counts; replaced atomically
INDEX_DIR/FINGERPRINT/g-…/            a shard; any generation but the current one is a leftover

What else lies there: index_folder.
"""

import os
import re
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

from rag_service.domain.ids import Fingerprint
from rag_service.on_disk import sync
from rag_service.retrieval.index_folder import DROPPED, builds

_CURRENT = "current"
_GENERATION = re.compile(r"g-[0-9a-f]{32}")


def remove_leftovers(index_dir: Path) -> None:
    """Remove what a crash left: dropped builds, generations that never became current, and builds without any."""
    for dropped in index_dir.glob(f"{DROPPED}*"):
        shutil.rmtree(dropped)
    for build in builds(index_dir):
        for generation in other_generations(build):
            shutil.rmtree(generation)
        if current_generation(build) is None:
            shutil.rmtree(build)


def fingerprints(index_dir: Path) -> list[Fingerprint]:
    """Return the builds that exist."""
    return sorted(Fingerprint(build.name) for build in builds(index_dir) if current_generation(build) is not None)


def new_generation(build: Path) -> Path:
    """Return a path for a shard that does not exist yet."""
    return build / f"g-{uuid.uuid4().hex}"


def current_generation(build: Path) -> Path | None:
    """Return the shard that counts, None before the first; one that does not exist when its name was damaged."""
    with suppress(FileNotFoundError):
        name = (build / _CURRENT).read_text("ascii", errors="replace")
        return build / (name if _GENERATION.fullmatch(name) else "damaged")
    return None


def other_generations(build: Path) -> list[Path]:
    """Return the shards that do not count; none when it is not known which one does."""
    current = current_generation(build)
    if current is not None and not current.is_dir():
        return []
    return [entry for entry in build.iterdir() if entry.is_dir() and entry != current]


def remove_generation(generation: Path) -> None:
    """Remove a shard, so that it stays away whenever the machine stops."""
    shutil.rmtree(generation)
    sync(generation.parent)


def make_current(generation: Path) -> None:
    """Let `generation` be the shard that counts: all or nothing, whenever the machine stops."""
    build = generation.parent
    fresh = build / f"{_CURRENT}.new"
    with fresh.open("w") as file:
        file.write(generation.name)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(build / _CURRENT)
    for folder in (build, build.parent):
        sync(folder)


def copy_shard(source: Path, target: Path) -> None:
    """Copy a flushed shard to disk, holes left as holes: the engine reserves far more than it fills."""
    target.mkdir()
    for entry in source.iterdir():
        if entry.is_dir():
            copy_shard(entry, target / entry.name)
        else:
            _copy_file(entry, target / entry.name)
    sync(target)


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        size = os.fstat(reader.fileno()).st_size
        writer.truncate(size)
        offset = 0
        while (start := _next_data(reader.fileno(), offset)) is not None:
            offset = os.lseek(reader.fileno(), start, os.SEEK_HOLE)
            _copy_range(reader.fileno(), writer.fileno(), start, offset)
        os.fsync(writer.fileno())


def _next_data(descriptor: int, offset: int) -> int | None:
    try:
        return os.lseek(descriptor, offset, os.SEEK_DATA)
    except OSError:  # ENXIO: only a hole, or nothing, is left
        return None


def _copy_range(reader: int, writer: int, start: int, end: int) -> None:
    while start < end:
        block = os.pread(reader, min(end - start, 2**20), start)
        if not block:
            return
        start += os.pwrite(writer, block, start)
