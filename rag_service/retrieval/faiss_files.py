"""The structure of a build on disk: what is lost or damaged is built again, so it only saves time.

FOLDER/structure.json          names the files that count, with what they must be; replaced atomically
FOLDER/s-….faiss               the library's index
FOLDER/s-….npy                 the numbers of its rows, ascending
"""

import hashlib
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import structlog
from numpy.typing import NDArray

from rag_service.errors import IndexUnavailable
from rag_service.on_disk import sync
from rag_service.retrieval.faiss_dense import FaissStructure, library_errors
from rag_service.retrieval.index_room import disk_errors

log = structlog.get_logger()

_CURRENT = "structure.json"
Numbers = NDArray[np.int64]
Description = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class SavedStructure:
    """A structure with the numbers of the rows that it was built of, in its order."""

    structure: FaissStructure
    numbers: Numbers


def write_structure(folder: Path, saved: SavedStructure, *, token: str) -> Description:
    """Bring a structure to disk; it counts once `make_current` is told so. `token` is the build's.

    Raises:
        IndexUnavailable: the disk refused.
    """
    name = f"s-{uuid.uuid4().hex}"
    index, numbers = _files(folder, name)
    try:
        with library_errors("save a structure"), disk_errors("save a structure"):
            faiss.write_index(saved.structure.index, str(index))
            with numbers.open("wb") as file:
                np.save(file, saved.numbers, allow_pickle=False)
            for each in (index, numbers):
                sync(each)
            hashes = [_sha256(index), _sha256(numbers)]
    except IndexUnavailable:
        # On a full disk each attempt would leave another half.
        for each in (index, numbers):
            each.unlink(missing_ok=True)
        raise
    kind, size = saved.structure.kind, saved.structure.size
    return {"name": name, "token": token, "kind": kind, "size": size, "sha256": hashes}


def make_current(folder: Path, described: Description | None) -> None:
    """Let a structure count, None for none, and remove every other one.

    Raises:
        IndexUnavailable: the disk refused.
    """
    with disk_errors("save a structure"):
        if described is None:
            (folder / _CURRENT).unlink(missing_ok=True)
        else:
            fresh = folder / f"{_CURRENT}.new"
            fresh.write_text(json.dumps(described))
            sync(fresh)
            fresh.replace(folder / _CURRENT)
        sync(folder)
        _remove_others(folder, described)


def load_structure(folder: Path, *, token: str) -> SavedStructure | None:
    """Return the structure that counts, None when there is none or it is not what it was saved as."""
    try:
        described = json.loads((folder / _CURRENT).read_text())
        _remove_others(folder, described)
        return _loaded(folder, described, token)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as exc:
        log.warning("index_structure_unreadable", build=folder.name, reason=str(exc))
        return None


def _loaded(folder: Path, described: Description, token: str) -> SavedStructure:
    index, numbers = _files(folder, described["name"])
    if described["token"] != token or described["sha256"] != [_sha256(index), _sha256(numbers)]:
        raise ValueError("The files are not those that were saved.")
    saved = SavedStructure(
        FaissStructure(faiss.read_index(str(index)), described["kind"]), np.load(numbers, allow_pickle=False)
    )
    if not saved.structure.size == described["size"] == saved.numbers.size:
        raise ValueError("The structure has other rows than it was saved with.")
    return saved


def _files(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.faiss", folder / f"{name}.npy"


def _remove_others(folder: Path, described: Description | None) -> None:
    for each in folder.glob("s-*"):
        if described is None or each.stem != described["name"]:
            each.unlink(missing_ok=True)


def _sha256(file: Path) -> str:
    with file.open("rb") as reader:
        return hashlib.file_digest(reader, "sha256").hexdigest()
