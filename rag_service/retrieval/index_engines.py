"""The engines that the index host serves by name, each in a folder of its own: so a build can move between them."""

from typing import get_args

import structlog

from rag_service.domain.ids import Fingerprint
from rag_service.errors import IndexUnavailable, InvalidRequest, Misconfigured
from rag_service.extras import of_extra
from rag_service.retrieval import wire
from rag_service.retrieval.dense_structure import Place, stay
from rag_service.retrieval.index_requests import HostedIndex, IndexRequests
from rag_service.settings import FaissSettings, Settings

log = structlog.get_logger()

EDGE, FAISS = get_args(wire.Engine)


class IndexEngines:
    """Opens an engine when it is chosen, has a folder, or is asked for the first time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engines: dict[str, HostedIndex] = {}
        self._requests: dict[str, IndexRequests] = {}

    def open(self) -> None:
        """Open what there is.

        Raises:
            Misconfigured: the engine that the settings choose cannot be opened.
        """
        chosen = self._settings.retrieval.backend
        for name, folder in self._settings.index_folders.items():
            if name == chosen:
                self._opened(name)
            elif folder.exists():
                self._try_to_open(name)

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()

    def counts(self) -> dict[str, dict[Fingerprint, int | None]]:
        """Return by engine how many points each build holds, None for one that cannot be opened."""
        return {name: engine.counts() for name, engine in self._engines.items()}

    @property
    def opened(self) -> list[IndexRequests]:
        """What answers for each engine that is open."""
        return list(self._requests.values())

    async def answer(self, message: wire.Message) -> wire.Message:
        """Return the answer of the engine that the message names, or the error that the client shall raise."""
        try:
            requests = self._opened(message.get("engine"))
        except InvalidRequest as exc:
            return wire.error_message(exc)
        except (Misconfigured, IndexUnavailable, OSError) as exc:
            return wire.error_message(IndexUnavailable(str(exc)))
        return await requests.answer(message)

    def _opened(self, name: object) -> IndexRequests:
        if not isinstance(name, str) or name not in self._settings.index_folders:
            raise InvalidRequest(f"The index host knows no engine {name!r}.")
        if name not in self._requests:
            engine = open_engine(name, self._settings)
            requests = IndexRequests(engine)
            try:
                requests.take_stock()
            except BaseException:
                # Its folder is to be free for the next attempt.
                engine.close()
                raise
            self._engines[name], self._requests[name] = engine, requests
        return self._requests[name]

    def _try_to_open(self, name: str) -> None:
        try:
            self._opened(name)
        except (Misconfigured, IndexUnavailable, OSError) as exc:
            log.error("index_engine_unavailable", engine=name, reason=str(exc))  # noqa: TRY400 - the reason says all


def open_engine(name: str, settings: Settings) -> HostedIndex:
    """Open an engine over its folder.

    Raises:
        Misconfigured: its library is missing or unfit, or another process has the folder open.
    """
    folder, exact_below = settings.index_folders[name], settings.retrieval.exact_below
    if name == FAISS:
        with of_extra("faiss"):
            from rag_service.retrieval.faiss_index import FaissIndex

        return FaissIndex(folder, exact_below=exact_below, kind=settings.faiss.kind, place=_place(settings.faiss))
    from rag_service.retrieval.qdrant_edge import EdgeIndex

    return EdgeIndex(folder, exact_below=exact_below)


def _place(settings: FaissSettings) -> Place:
    match settings.device:
        case "cpu":
            return stay
        case "gpu":
            from rag_service.retrieval.device_replica import DeviceReplicas
            from rag_service.retrieval.faiss_device import open_gpu

            return DeviceReplicas(open_gpu())
