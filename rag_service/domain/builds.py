"""Builds of a corpus: its points under one fingerprint, beside those under others."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from rag_service.domain.ids import CorpusId, Fingerprint
from rag_service.domain.versions import OPEN, Member


class BuildState(StrEnum):
    """Filling: points are being added that no version asks yet. Ready: it holds what the law of points says."""

    FILLING = "filling"
    READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What a corpus has under one fingerprint: all that is visible at some number from `since` up to `synced`.

    `recipe` is what embedder and chunker can be opened from again: settings, without secrets; empty for a build that
    was there before recipes were noted. While it is filled, `done` of `total` documents have their points, those up to
    `filled_to` in order of document id.
    """

    corpus_id: CorpusId
    fingerprint: Fingerprint
    recipe: Mapping[str, Any]
    state: BuildState
    since: int
    synced: int
    created_at: datetime
    filled_to: str | None = None
    done: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A revision of a document that is visible from version `born` up to, not including, `died`."""

    member: Member
    born: int
    died: int

    def known_at(self, number: int) -> "Membership":
        """Return what was known of it at version `number`: a later end was not."""
        return self if self.died <= number else replace(self, died=OPEN)
