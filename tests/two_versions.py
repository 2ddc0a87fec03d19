"""A served corpus of two versions that have no revision in common, and who flips between them."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rag_service.domain.rows import Row
from tests.made_rows import made_question, made_rows
from tests.running import RunningService, start_service, stop_service
from tests.steady_load import Caller, Json, Outcome

CORPUS = "flipped"
_ROWS_AT_ONCE = 250
_ANSWERED_OF = 10  # requests, one is a whole answer

SEARCH = f"/v1/vector_stores/{CORPUS}/search"
CHAT = "/v1/chat/completions"
Member = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class TwoVersions:
    """The members of each version, and the numbers of the two that are published in turn."""

    service: RunningService
    members: dict[int, frozenset[Member]]
    first: int
    second: int

    def search(self, number: int) -> tuple[str, Json]:
        """Return a search in words of one of the versions."""
        return SEARCH, {"query": made_question(number % 40, edition=1 + number % 2), "max_num_results": 4}

    def search_or_question(self, number: int) -> tuple[str, Json]:
        """Return a search, and one time in ten a question for an answer."""
        path, body = self.search(number)
        if number % _ANSWERED_OF:
            return path, body
        return CHAT, {"model": CORPUS, "messages": [{"role": "user", "content": body["query"]}]}

    def fault(self, path: str, reply: Json) -> str:
        """Return what is wrong with a reply: nothing found, or something that is not of the version it names."""
        version = reply["version"] if path == SEARCH else reply["x_rag"]["version"]
        shown = reply["data"] if path == SEARCH else [*reply["x_rag"]["sources"], *_citations(reply)]
        found = {(one["document_id"], one["revision"]) for one in shown}
        if version not in (self.first, self.second) or not found:
            return f"version {version} shows {len(found)} passages"
        strangers = found - self.members[version]
        return f"version {version} shows {strangers}" if strangers else ""


@contextmanager
def two_versions(data_dir: Path, documents: int, **settings: str) -> Iterator[TwoVersions]:
    """Run a service whose corpus was loaded twice, every document with other words the second time."""
    service = start_service(data_dir, **{"RAG_SAMPLE_CORPUS": "false", "RAG_EMBEDDING__BACKEND": "hashing"} | settings)
    try:
        with service.client() as client:
            client.post("/v1/vector_stores", json={"name": CORPUS}).raise_for_status()
        first = _load(service, made_rows(range(documents)))
        second = _load(service, made_rows(range(documents), edition=2))
        members = {number: _members(data_dir, number) for number in (first, second)}
        assert not members[first] & members[second]
        yield TwoVersions(service=service, members=members, first=first, second=second)
    finally:
        stop_service(service)


async def flip_until(
    done: asyncio.Event, caller: Caller, corpus: TwoVersions, outcome: Outcome, *, pause_s: float
) -> None:
    """Publish the two versions in turn, one request after the other; the second is published before and after."""
    number, started = corpus.first, time.perf_counter()
    while not done.is_set() or number == corpus.second:
        sent = time.perf_counter()
        status, reply = await caller.post(f"/v1/corpora/{CORPUS}/versions/{number}/publish", {})
        outcome.latencies_s.append(time.perf_counter() - sent)
        if status == 200:
            number = corpus.first + corpus.second - number
        else:
            outcome.faults.append(f"status {status} to a flip: {reply}")
            break
        await asyncio.sleep(pause_s)
    outcome.seconds = time.perf_counter() - started


def _load(service: RunningService, rows: list[Row]) -> int:
    """Import rows, wait until all are published, and return the version."""
    with service.client() as client:
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            lines = [
                json.dumps({"id": row.id, "title": row.title, "text": row.text})
                for row in rows[start : start + _ROWS_AT_ONCE]
            ]
            client.post(f"/v1/corpora/{CORPUS}/rows", content="\n".join(lines)).raise_for_status()
        while True:
            store = client.get(f"/v1/vector_stores/{CORPUS}").raise_for_status().json()
            if not store["file_counts"]["in_progress"]:
                return int(store["version"])
            time.sleep(0.1)


def _members(data_dir: Path, version: int) -> frozenset[Member]:
    statement = "SELECT document_id, revision FROM memberships WHERE born <= ? AND died > ?"
    with sqlite3.connect(f"file:{data_dir}/catalog.db?mode=ro", uri=True) as catalog:
        return frozenset(catalog.execute(statement, (version, version)))


def _citations(reply: Json) -> list[Json]:
    return [citation for choice in reply["choices"] for citation in choice["message"]["citations"]]
