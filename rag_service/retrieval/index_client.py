"""The index as other processes see it: a VectorIndex that asks the index host over its Unix socket."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rag_service.domain.ids import CorpusId, Fingerprint, PointId
from rag_service.errors import IndexUnavailable, InvalidRequest
from rag_service.ports.vector_index import Candidate, Point, PointState, Visible
from rag_service.ports.vectors import DenseVector, QueryVectors
from rag_service.retrieval import wire
from rag_service.retrieval.socket_pool import Connection, SocketPool

_WRITE_TIMEOUT_S = 60.0  # a flush on a busy disk takes seconds, and a write may wait for a copy to end
_LONG_TIMEOUT_S = 4 * 3600.0  # a million points take ten minutes; only a host that hangs takes hours
_FRAME_BYTES = 8 * 2**20
_IDS_PER_FRAME = 20_000


class IndexClient:
    """VectorIndex behind a socket. `timeout_s` bounds one search or page; work on whole builds may take hours."""

    def __init__(self, socket_path: Path, timeout_s: float, *, engine: wire.Engine = "edge") -> None:
        self._pool = SocketPool(socket_path)
        self._engine = engine
        self._timeout_s = timeout_s

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def write(self, fingerprint: Fingerprint, points: Sequence[Point]) -> None:
        for batch in _frames(points):
            await self._change("write", fingerprint, points=wire.pack_points(batch))

    async def retire(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, at: int) -> None:
        await self._change_ids("retire", fingerprint, ids, at=at)

    async def revive(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        await self._change_ids("revive", fingerprint, ids)

    async def grant(self, fingerprint: Fingerprint, ids: Sequence[PointId], *, principals: frozenset[str]) -> None:
        await self._change_ids("grant", fingerprint, ids, principals=sorted(principals))

    async def purge(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> None:
        await self._change_ids("purge", fingerprint, ids)

    async def remove_corpus(self, fingerprint: Fingerprint, corpus_id: CorpusId) -> None:
        await self._work_on("remove_corpus", fingerprint, corpus_id=corpus_id)

    async def search(
        self, fingerprint: Fingerprint, query: QueryVectors, *, among: Visible, limit: int, exact: bool = False
    ) -> list[Candidate]:
        message = {
            "op": "search",
            "fingerprint": fingerprint,
            "query": wire.pack_query(query),
            "among": wire.pack_visible(among),
            "limit": limit,
            "exact": exact,
        }
        return wire.unpack_candidates(await self._ask(message, timeout_s=self._timeout_s))

    async def dense_vectors(self, fingerprint: Fingerprint, ids: Sequence[PointId]) -> Mapping[PointId, DenseVector]:
        message = {"op": "dense_vectors", "fingerprint": fingerprint, "ids": list(ids)}
        try:
            return wire.unpack_vectors(await self._ask(message, timeout_s=self._timeout_s))
        except InvalidRequest as exc:
            # Nothing in it is the asker's: a host of the release before does not know it.
            raise IndexUnavailable(str(exc)) from exc

    async def builds(self) -> dict[Fingerprint, int | None]:
        counts: dict[Fingerprint, int | None] = await self._ask({"op": "builds"}, timeout_s=self._timeout_s)
        return counts

    async def corpora(self, fingerprint: Fingerprint) -> dict[CorpusId, int]:
        message: wire.Message = {"op": "corpora", "fingerprint": fingerprint}
        counts: dict[CorpusId, int] = await self._ask(message, timeout_s=self._timeout_s)
        return counts

    async def states(
        self, fingerprint: Fingerprint, *, corpus_id: CorpusId, born_after: int = -1
    ) -> AsyncIterator[Sequence[PointState]]:
        message: wire.Message = {"op": "states", "fingerprint": fingerprint, "corpus_id": corpus_id, "after": None}
        message["born_after"] = born_after
        while rows := await self._ask(message, timeout_s=self._timeout_s):
            page = wire.unpack_states(rows)
            yield page
            message["after"] = page[-1].id

    async def points(self, fingerprint: Fingerprint, *, after: PointId | None = None) -> AsyncIterator[Sequence[Point]]:
        message: wire.Message = {"op": "points", "fingerprint": fingerprint, "after": after}
        while rows := await self._ask(message, timeout_s=self._timeout_s):
            page = wire.unpack_points(rows)
            yield page
            message["after"] = page[-1].id

    async def optimise(self, fingerprint: Fingerprint) -> None:
        await self._work_on("optimise", fingerprint)

    async def compact(self, fingerprint: Fingerprint) -> Sequence[str]:
        await self._work_on("compact", fingerprint)
        return []

    async def drop(self, fingerprint: Fingerprint) -> None:
        await self._work_on("drop", fingerprint)

    async def _work_on(self, op: str, fingerprint: Fingerprint, **arguments: object) -> None:
        message = {"op": op, "fingerprint": fingerprint, **arguments}
        await self._ask(message, timeout_s=max(self._timeout_s, _LONG_TIMEOUT_S))

    async def _change_ids(self, op: str, fingerprint: Fingerprint, ids: Sequence[PointId], **more: object) -> None:
        for start in range(0, len(ids), _IDS_PER_FRAME):
            await self._change(op, fingerprint, ids=list(ids[start : start + _IDS_PER_FRAME]), **more)

    async def _change(self, op: str, fingerprint: Fingerprint, **arguments: object) -> None:
        message = {"op": op, "fingerprint": fingerprint, **arguments}
        await self._ask(message, timeout_s=max(self._timeout_s, _WRITE_TIMEOUT_S))

    async def _ask(self, message: wire.Message, *, timeout_s: float) -> Any:
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._answer({**message, "engine": self._engine})
        except (OSError, TimeoutError) as exc:
            raise IndexUnavailable(f"The index host did not answer: {exc or type(exc).__name__}") from exc
        except wire.BadFrame as exc:
            raise InvalidRequest(f"The index host cannot be told this: {exc}") from exc
        return _result(answer)

    async def _answer(self, message: wire.Message) -> wire.Message:
        # A pooled connection may have died with an earlier host. Every request is safe to repeat.
        if idle := self._pool.take_idle():
            try:
                return await self._exchange(idle, message)
            except ConnectionError:
                self._pool.drop_idle()
        return await self._exchange(await self._pool.connect(), message)

    async def _exchange(self, connection: Connection, message: wire.Message) -> wire.Message:
        reader, writer = connection
        try:
            await wire.send_message(writer, message)
            answer = await wire.read_answer(reader)
        except BaseException:
            # Half an answer may still be on its way: nobody may read it as theirs.
            writer.close()
            raise
        self._pool.give_back(connection)
        return answer


def _result(answer: wire.Message) -> Any:
    match answer.get("error"):
        case None:
            return answer["result"]
        case InvalidRequest.__name__:
            raise InvalidRequest(answer["message"])
        case _:
            raise IndexUnavailable(answer["message"])


def _frames(points: Sequence[Point]) -> Iterator[list[Point]]:
    batch: list[Point] = []
    size = 0
    for point in points:
        batch.append(point)
        size += point.dense.nbytes + point.sparse.indices.nbytes + point.sparse.values.nbytes
        if size >= _FRAME_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
