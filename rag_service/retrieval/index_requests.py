"""What a client may ask of the index host, and how the engine answers."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rag_service.domain.ids import CorpusId, Fingerprint, PointId
from rag_service.errors import IndexUnavailable, InvalidRequest
from rag_service.ports.vector_index import Point, PointState, VectorIndex
from rag_service.retrieval import wire


class HostedIndex(VectorIndex, Protocol):
    """An engine in the host's process: pages come one at a time, as clients ask for them."""

    def counts(self) -> dict[Fingerprint, int | None]:
        """Return how many points each build holds, dead ones too; None for one that cannot be opened."""

    def unindexed_count(self, fingerprint: Fingerprint) -> int:
        """Return about how many points of a build wait for `optimise`."""

    def state_page(
        self, fingerprint: Fingerprint, *, corpus_id: CorpusId, born_after: int, after: PointId | None
    ) -> list[PointState]:
        """Return the next points of a corpus by point id; none when there are no more."""

    def point_page(self, fingerprint: Fingerprint, *, after: PointId | None) -> list[Point]:
        """Return the next points of a build by point id, with vectors; none when there are no more."""

    def close(self) -> None:
        """Bring everything to disk and let others open the folder."""


class IndexRequests:
    """Answers messages with one engine, and counts what it wrote per build since the last `optimise`."""

    def __init__(self, index: HostedIndex) -> None:
        self._index = index
        self.unoptimised: Counter[Fingerprint] = Counter()
        self.last_write_s = time.monotonic()

    def take_stock(self) -> dict[Fingerprint, int | None]:
        """Open every build; return how many points each holds, None for one that cannot be opened."""
        counts = self._index.counts()
        for fingerprint, count in counts.items():
            self.unoptimised[fingerprint] = 0 if count is None else self._index.unindexed_count(fingerprint)
        return counts

    async def answer(self, message: wire.Message) -> wire.Message:
        """Return the answer, or the error that the client shall raise."""
        try:
            return {"result": await self._result(message)}
        except (InvalidRequest, IndexUnavailable) as exc:
            return wire.error_message(exc)
        except OSError as exc:
            return wire.error_message(IndexUnavailable(f"The index's disk refused: {exc}"))
        except (KeyError, IndexError, TypeError, ValueError) as exc:
            return wire.error_message(InvalidRequest(f"The index host cannot read the request: {exc!r}"))

    async def optimise(self, fingerprint: Fingerprint) -> None:
        """Rebuild the search structures of a build; what is written meanwhile counts for the next time."""
        with self._counted_anew(fingerprint):
            await self._index.optimise(fingerprint)

    @contextmanager
    def _counted_anew(self, fingerprint: Fingerprint) -> Iterator[None]:
        written = self.unoptimised.pop(fingerprint, 0)
        try:
            yield
        except BaseException:
            self.unoptimised[fingerprint] += written
            raise

    async def _result(self, message: wire.Message) -> object:
        match message["op"]:
            case "search":
                return await self._search(message)
            case "dense_vectors":
                return wire.pack_vectors(await self._index.dense_vectors(message["fingerprint"], message["ids"]))
            case "builds":
                return self._index.counts()
            case "corpora":
                return await self._index.corpora(message["fingerprint"])
            case "states" | "points":
                return self._page(message)
            case _:
                await self._change(message)
        return None

    def _page(self, message: wire.Message) -> object:
        if message["op"] == "states":
            return self._states(message)
        return wire.pack_points(self._index.point_page(message["fingerprint"], after=message["after"]))

    async def _change(self, message: wire.Message) -> None:
        match message["op"]:
            case "optimise":
                await self.optimise(Fingerprint(message["fingerprint"]))
            case "compact":
                await self._compact(Fingerprint(message["fingerprint"]))
            case "drop":
                await self._drop(Fingerprint(message["fingerprint"]))
            case "remove_corpus":
                await self._index.remove_corpus(message["fingerprint"], message["corpus_id"])
                self.last_write_s = time.monotonic()
            case _:
                await self._write(message)

    async def _compact(self, fingerprint: Fingerprint) -> None:
        with self._counted_anew(fingerprint):
            await self._index.compact(fingerprint)

    async def _drop(self, fingerprint: Fingerprint) -> None:
        await self._index.drop(fingerprint)
        self.unoptimised.pop(fingerprint, None)

    async def _search(self, message: wire.Message) -> object:
        found = await self._index.search(
            message["fingerprint"],
            wire.unpack_query(message["query"]),
            among=wire.unpack_visible(message["among"]),
            limit=message["limit"],
            exact=message["exact"],
        )
        return wire.pack_candidates(found)

    def _states(self, message: wire.Message) -> object:
        page = self._index.state_page(
            message["fingerprint"],
            corpus_id=message["corpus_id"],
            born_after=message["born_after"],
            after=message["after"],
        )
        return wire.pack_states(page)

    async def _write(self, message: wire.Message) -> None:
        fingerprint = Fingerprint(message["fingerprint"])
        rows = message["points"] if message["op"] == "write" else message["ids"]
        match message["op"]:
            case "write":
                await self._index.write(fingerprint, wire.unpack_points(rows))
            case "retire":
                await self._index.retire(fingerprint, rows, at=message["at"])
            case "revive":
                await self._index.revive(fingerprint, rows)
            case "grant":
                await self._index.grant(fingerprint, rows, principals=frozenset(message["principals"]))
            case "purge":
                await self._index.purge(fingerprint, rows)
            case unknown:
                raise InvalidRequest(f"The index host knows no operation {unknown!r}.")
        self.unoptimised[fingerprint] += len(rows)
        self.last_write_s = time.monotonic()
