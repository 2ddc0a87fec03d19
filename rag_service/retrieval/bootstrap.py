"""The engines that the settings name, opened when they are needed, behind one route; and what watches over them."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.util import find_spec

from rag_service.extras import of_extra
from rag_service.ports.catalog import Catalog
from rag_service.ports.engines import StandIn, no_stand_in
from rag_service.ports.exact_scan import ExactScan
from rag_service.ports.index_tuning import IndexTuning
from rag_service.ports.vector_index import VectorIndex
from rag_service.retrieval.compared_searches import ComparedSearches
from rag_service.retrieval.fixed_tuning import FixedTuning
from rag_service.retrieval.follower_misses import FollowerMisses
from rag_service.retrieval.known_route import KnownRoute
from rag_service.retrieval.opened_engines import OpenedEngines
from rag_service.retrieval.routed import RoutedIndex
from rag_service.retrieval.routed_tuning import RoutedTuning
from rag_service.retrieval.wire import Engine
from rag_service.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedIndex:
    """The index of the service, and what is searched when it does not answer."""

    index: VectorIndex
    stand_in: StandIn = no_stand_in


def open_index(settings: Settings, catalog: Catalog, stack: AsyncExitStack) -> OpenedIndex:
    """Return the index of the service: that of the settings until a migration brings it to another engine."""
    if settings.retrieval.backend == "memory":
        from rag_service.retrieval.memory import MemoryIndex

        # It is in this process alone, which is no place to migrate to or from.
        return OpenedIndex(index=MemoryIndex())
    engines = OpenedEngines(_openers(settings, stack))
    engines(settings.retrieval.backend)  # what is missing for it stops the start
    routed = RoutedIndex(
        engines=engines,
        route=KnownRoute(catalog=catalog, default=settings.retrieval.backend),
        compared=ComparedSearches(catalog),
        misses=FollowerMisses(catalog),
    )
    stack.push_async_callback(routed.aclose)
    return OpenedIndex(index=routed, stand_in=routed.stand_in)


def open_tuning(settings: Settings, catalog: Catalog) -> IndexTuning:
    """Return what decides how the builds of the engine that serves are searched."""
    if settings.retrieval.backend == "memory":
        return FixedTuning("memory")
    from rag_service.retrieval.edge_tuning import EdgeTuning

    return RoutedTuning(
        tunings={"edge": EdgeTuning(settings.index_dir)},
        route=KnownRoute(catalog=catalog, default=settings.retrieval.backend),
    )


def open_exact_scan() -> ExactScan | None:
    """Return what recall is measured against, None where its library is not installed: then it is not measured."""
    if find_spec("faiss") is None:
        return None
    from rag_service.retrieval.exact_scan import FaissScan

    return FaissScan()


def _openers(settings: Settings, stack: AsyncExitStack) -> dict[str, Callable[[], VectorIndex]]:
    timeout_s = settings.retrieval.timeout_s

    def hosted(engine: Engine) -> VectorIndex:
        from rag_service.retrieval.index_client import IndexClient

        client = IndexClient(settings.index_socket, timeout_s, engine=engine)
        stack.push_async_callback(client.aclose)
        return client

    def qdrant() -> VectorIndex:
        with of_extra("qdrant"):
            from rag_service.retrieval.qdrant_server import open_qdrant

        server = open_qdrant(settings.qdrant, timeout_s=timeout_s, exact_below=settings.retrieval.exact_below)
        stack.push_async_callback(server.aclose)
        return server

    return {"edge": lambda: hosted("edge"), "faiss": lambda: hosted("faiss"), "qdrant": qdrant}
