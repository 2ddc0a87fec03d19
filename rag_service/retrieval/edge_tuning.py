"""How each Edge build is searched: a file beside the shard, written by whoever measures, read by whoever searches.

INDEX_DIR/FINGERPRINT/search.json     parameters, and the generation of which they were measured
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from rag_service.domain.ids import Fingerprint
from rag_service.domain.index_advice import SearchParameters
from rag_service.retrieval.edge_folder import current_generation
from rag_service.retrieval.edge_trouble import trouble_of
from rag_service.retrieval.index_folder import build_folder
from rag_service.retrieval.index_room import disk_errors

_FILE = "search.json"


class EdgeTuning:
    """Implements `ports.index_tuning.IndexTuning` where the index folder is on this machine."""

    def __init__(self, index_dir: Path) -> None:
        self._index_dir = index_dir

    async def engine(self) -> str:
        """See the port."""
        return "edge"

    async def read(self, fingerprint: Fingerprint) -> SearchParameters | None:
        """See the port."""
        return await asyncio.to_thread(self._read, fingerprint)

    async def change(self, fingerprint: Fingerprint, parameters: SearchParameters) -> None:
        """See the port."""
        await asyncio.to_thread(self._change, fingerprint, parameters)

    async def trouble(self, fingerprint: Fingerprint) -> str | None:
        """See the port."""
        return await asyncio.to_thread(trouble_of, build_folder(self._index_dir, fingerprint))

    def _read(self, fingerprint: Fingerprint) -> SearchParameters | None:
        generation = self._generation(fingerprint)
        return None if generation is None else parameters_of(generation)

    def _change(self, fingerprint: Fingerprint, parameters: SearchParameters) -> None:
        generation = self._generation(fingerprint)
        if generation is not None:
            _write(generation, parameters)

    def _generation(self, fingerprint: Fingerprint) -> Path | None:
        with disk_errors("tell how a build is searched"):
            return current_generation(build_folder(self._index_dir, fingerprint))


class ParametersInUse:
    """The parameters of one build, read again when the file changes."""

    def __init__(self) -> None:
        self._seen: tuple[Path, int] | None = None
        self._parameters = SearchParameters()

    def of(self, generation: Path) -> SearchParameters:
        """Return how to search the current `generation`; looking costs microseconds."""
        seen = (generation, _changed_ns(generation))
        if seen != self._seen:
            self._parameters, self._seen = parameters_of(generation), seen
        return self._parameters


def parameters_of(generation: Path) -> SearchParameters:
    """Return how to search a generation; as usual where nobody said, or where what was said cannot be read."""
    try:
        said = json.loads((generation.parent / _FILE).read_bytes())
        known = SearchParameters(ef=int(said["ef"]), exact=bool(said["exact"]), is_wanting=bool(said["is_wanting"]))
        measured = said["generation"]
    except (OSError, ValueError, TypeError, KeyError):
        return SearchParameters()
    # A graph that was built since has not been measured: it has its chance.
    return known if measured == generation.name else replace(known, exact=False)


def _write(generation: Path, parameters: SearchParameters) -> None:
    path = generation.parent / _FILE
    fresh = path.with_suffix(".new")
    # Half a file would only be one that cannot be read: no need to wait for the disk.
    with disk_errors("keep how a build is searched"), suppress(FileNotFoundError):
        fresh.write_text(json.dumps({**asdict(parameters), "generation": generation.name}))
        fresh.replace(path)


def _changed_ns(generation: Path) -> int:
    try:
        return (generation.parent / _FILE).stat().st_mtime_ns
    except OSError:
        return 0
