"""Asking a service that dies at any moment: what was not answered is asked again, until it is."""

import random
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from tests.patience import PATIENCE_S

_PAUSE_S = 0.03
_UNAVAILABLE = httpx.codes.SERVICE_UNAVAILABLE


@dataclass(frozen=True)
class Reply:
    """An answer. `was_lost`: an earlier one did not arrive, so the request may have been carried out before."""

    status: int
    body: Any
    was_lost: bool

    @property
    def is_done(self) -> bool:
        """Say whether the request was carried out."""
        return self.status < httpx.codes.BAD_REQUEST


class Asking:
    """A client that takes no loss for an answer. Every second write bears an Idempotency-Key."""

    def __init__(self, client: httpx.Client, chance: random.Random, ended: threading.Event) -> None:
        self._client = client
        self._chance = chance
        self._ended = ended

    def __call__(self, method: str, path: str, *, may: Collection[int] = (), **request: Any) -> Reply:
        """Return the answer: a success, or one of the statuses that may be."""
        headers = self._headers(method)
        deadline = time.monotonic() + PATIENCE_S
        was_lost = False
        while (answer := self._try(method, path, headers=headers, **request)) is None:
            assert time.monotonic() < deadline, f"{method} {path} was not answered"
            assert not self._ended.is_set(), "the test ended"
            was_lost = True
            time.sleep(_PAUSE_S)
        assert answer.is_success or answer.status_code in may, f"{method} {path}: {answer.status_code} {answer.text}"
        return Reply(answer.status_code, answer.json(), was_lost)

    def _try(self, method: str, path: str, **request: Any) -> httpx.Response | None:
        try:
            answer = self._client.request(method, path, **request)
        except httpx.TransportError:
            return None
        return None if answer.status_code == _UNAVAILABLE else answer

    def _headers(self, method: str) -> dict[str, str]:
        if method == "GET" or self._chance.random() < 0.5:
            return {}
        return {"Idempotency-Key": str(UUID(int=self._chance.getrandbits(128)))}
