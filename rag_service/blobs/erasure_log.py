"""The log of erasures: a file of JSON lines beside the catalog, which backups of the catalog do not replace."""

import asyncio
import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from rag_service.domain.erasures import Erasure
from rag_service.errors import DependencyUnavailable, Misconfigured
from rag_service.on_disk import sync

_ERASURE = TypeAdapter(Erasure)
_REQUEST = {"id", "tenant_id", "kind", "subject", "requested_by", "created_at"}
_ONLY_OWNER = 0o600


class ErasureLogFile:
    """Implements `ports.erasure_log.ErasureLog`; several processes may use one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def append(self, erasure: Erasure) -> None:
        line = json.dumps(_ERASURE.dump_python(erasure, mode="json", include=_REQUEST), sort_keys=True)
        await asyncio.to_thread(self._append, line)

    async def entries(self) -> Sequence[Erasure]:
        return await asyncio.to_thread(self._entries)

    def _append(self, line: str) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, _ONLY_OWNER)
            with os.fdopen(descriptor, "rb+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # A line that a power cut left unfinished was never acknowledged: the new one must not join it.
                file.write(("" if _ends_a_line(file) else "\n").encode() + line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            sync(self._path.parent)
        except OSError as exc:
            raise DependencyUnavailable(f"The log of erasures {self._path} cannot be written: {exc}") from exc

    def _entries(self) -> list[Erasure]:
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise Misconfigured(f"The log of erasures {self._path} cannot be read: {exc}") from exc
        read = [_ERASURE.validate_python(entry) for line in lines if (entry := _entry_in(line)) is not None]
        return list({erasure.id: erasure for erasure in read}.values())


def _entry_in(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _ends_a_line(file: Any) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")
