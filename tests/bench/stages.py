"""Where the time of a piece of work goes, by the calls it makes of its parts."""

import inspect
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any


class Stages:
    """Seconds by call. What `watched` returns does what the part does, and notes how long that took."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def watched(self, part: Any, name: str) -> Any:
        """Return a part whose calls are timed."""
        return _Watched(part, name, self)

    def watched_catalog(self, catalog: Any) -> Any:
        """Return a catalog whose repositories' calls are timed, and its commits."""
        return _WatchedCatalog(catalog, self)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time inside to a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - started


class _Watched:
    def __init__(self, part: Any, name: str, stages: Stages) -> None:
        self._part = part
        self._name = name
        self._stages = stages

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._part, name)
        if not inspect.iscoroutinefunction(value):
            return value

        async def timed(*arguments: Any, **named: Any) -> Any:
            with self._stages.stage(f"{self._name}.{name}"):
                return await value(*arguments, **named)

        return timed


class _WatchedTransaction:
    def __init__(self, transaction: Any, stages: Stages) -> None:
        self._transaction = transaction
        self._stages = stages

    def __getattr__(self, name: str) -> Any:
        return self._stages.watched(getattr(self._transaction, name), name)


class _WatchedCatalog:
    def __init__(self, catalog: Any, stages: Stages) -> None:
        self._catalog = catalog
        self._stages = stages

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        async with self._catalog.reading() as transaction:
            yield _WatchedTransaction(transaction, self._stages)

    @asynccontextmanager
    async def glancing(self) -> AsyncIterator[Any]:
        async with self._catalog.glancing() as transaction:
            yield _WatchedTransaction(transaction, self._stages)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Any]:
        opened = self._catalog.writing()
        with self._stages.stage("begin"):
            transaction = await opened.__aenter__()
        try:
            yield _WatchedTransaction(transaction, self._stages)
        except BaseException as error:
            if not await opened.__aexit__(type(error), error, error.__traceback__):
                raise
        else:
            with self._stages.stage("commit"):
                await opened.__aexit__(None, None, None)
