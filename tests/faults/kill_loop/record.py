"""What a corpus should hold after all that was acknowledged; what happened when is the service's to decide."""

from collections import defaultdict
from dataclasses import dataclass, field

Contents = dict[str, str]
"""The text of each document, by document key."""


@dataclass
class Write:
    """A change that publishes itself, to a revision or, with None, a deletion; `is_certain` unless its reply was lost."""

    revision: int | None
    is_certain: bool = True


@dataclass
class HeldDraft:
    """A draft that people hold back. While `is_asked` its seal or the end of it was asked for, and it is left alone."""

    id: str
    name: str
    changes: dict[str, int | None] = field(default_factory=dict)
    is_asked: bool = False
    must_be_published: bool = False
    is_discarded: bool = False
    is_over: bool = False


@dataclass
class Record:
    """Everything about one corpus. `texts` are the revisions of each key, `versions` those that were ever published."""

    corpus: str
    texts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    documents: dict[str, str] = field(default_factory=dict)
    writes: dict[str, list[Write]] = field(default_factory=lambda: defaultdict(list))
    cancelled: set[tuple[str, int]] = field(default_factory=set)
    drafts: dict[str, HeldDraft] = field(default_factory=dict)
    switches: dict[int, tuple[int, int]] = field(default_factory=dict)
    versions: dict[int, Contents] = field(default_factory=dict)
    actions: int = 0

    @property
    def open_drafts(self) -> list[HeldDraft]:
        """The drafts that can be changed."""
        return [draft for draft in self.live_drafts if not draft.is_asked]

    @property
    def live_drafts(self) -> list[HeldDraft]:
        """The drafts that are neither published nor discarded, as far as is known."""
        return [draft for draft in self.drafts.values() if not draft.is_over]

    def key_of(self, document_id: str) -> str:
        """Return the key of a document."""
        return next(key for key, known in self.documents.items() if known == document_id)

    def bring(self, key: str, text: str, *, document_id: str, revision: int) -> None:
        """Note an upload that was acknowledged: it is the next revision, once."""
        self.texts[key].append(text)
        assert revision == len(self.texts[key]), f"{key} got revision {revision}, not {len(self.texts[key])}"
        assert self.documents.setdefault(key, document_id) == document_id, f"{key} is two documents"

    def cancel(self, key: str, revision: int) -> None:
        """Note that an upload was stopped: it leaves the drafts."""
        self.cancelled.add((key, revision))
        for draft in self.live_drafts:
            if draft.changes.get(key) == revision:
                del draft.changes[key]

    def contents(self, members: dict[str, int]) -> Contents:
        """Return the texts of members."""
        return {key: self.texts[key][revision - 1] for key, revision in members.items()}
