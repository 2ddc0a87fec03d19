"""What a corpus should be after any history: a few dictionaries and the rules of drafts, nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Members = dict[str, int]
"""The revision of each document, by document key."""


@dataclass(kw_only=True)
class HeldDraft:
    """A draft that people hold back; None deletes a document. It is sealed while it has a number."""

    base: int
    changes: dict[str, int | None] = field(default_factory=dict)
    number: int | None = None
    sealed_against: int = 0


@dataclass(kw_only=True)
class Model:
    """A corpus at rest. `asked`: the versions that were ever published."""

    texts: dict[tuple[str, int], str] = field(default_factory=dict)
    latest: Members = field(default_factory=dict)
    versions: dict[int, Members] = field(default_factory=lambda: {0: {}})
    published: int = 0
    highest: int = 0
    asked: set[int] = field(default_factory=set)
    drafts: dict[str, HeldDraft] = field(default_factory=dict)

    @property
    def members(self) -> Members:
        """What is published."""
        return self.versions[self.published]

    @property
    def preview(self) -> str | None:
        """The draft that is sealed."""
        return next((name for name, draft in self.drafts.items() if draft.number), None)

    @property
    def open_drafts(self) -> list[str]:
        """The drafts that can be changed."""
        return [name for name, draft in self.drafts.items() if not draft.number]

    def visible(self, number: int) -> Members:
        """Return the members at a number; one that was given up shows what the version before does."""
        return self.versions[max(sealed for sealed in self.versions if sealed <= number)]

    def documents(self, number: int) -> dict[str, str]:
        """Return the text of each document of a version."""
        return {key: self.texts[key, revision] for key, revision in self.versions[number].items()}

    def conflicts(self, name: str) -> set[str]:
        """Return the documents of a draft that others changed since it was opened."""
        draft = self.drafts[name]
        base = self.versions[draft.base]
        return {key for key in draft.changes if base.get(key) != self.members.get(key)}

    def upload(self, documents: Mapping[str, str]) -> None:
        """Publish documents by the automatic draft."""
        brought = {key: self._brought(key, text, into=None) for key, text in documents.items()}
        self._publish_automatic({key: revision for key, revision in brought.items() if revision})

    def delete(self, key: str) -> None:
        """Publish a deletion by the automatic draft."""
        self._publish_automatic({key: None})

    def hold(self, name: str, key: str, text: str) -> None:
        """Put an upload into a draft."""
        revision = self._brought(key, text, into=self.drafts[name])
        if revision:
            self.drafts[name].changes[key] = revision

    def seal(self, name: str) -> None:
        """Make the next version of a draft, against what is published now."""
        draft = self.drafts[name]
        self.highest += 1
        draft.number, draft.sealed_against = self.highest, self.published
        self.versions[self.highest] = _applied(self.members, draft.changes)

    def unseal(self, name: str) -> None:
        """Give a version up, and its number for good."""
        draft = self.drafts[name]
        if draft.number:
            del self.versions[draft.number]
        draft.number = None

    def publish_draft(self, name: str) -> None:
        """Publish a draft: as it was sealed when that still holds, else sealed anew."""
        draft = self.drafts[name]
        displaced = None
        if draft.number is None or draft.sealed_against != self.published:
            displaced = self._make_room()
            self.seal(name)
        self.switch(draft.number or 0)
        del self.drafts[name]
        self._seal_again(displaced)

    def switch(self, number: int) -> None:
        """Publish a version."""
        self.published = number
        self.asked.add(number)

    def _brought(self, key: str, text: str, *, into: HeldDraft | None) -> int | None:
        """Return the revision that an upload brings into a draft; None when all is as it wants it."""
        latest = self.latest.get(key, 0)
        if self.texts.get((key, latest)) != text:
            self.latest[key] = latest + 1
            self.texts[key, latest + 1] = text
            return latest + 1
        is_published = self.members.get(key) == latest
        return latest if not is_published or (into is not None and key in into.changes) else None

    def _publish_automatic(self, changes: Mapping[str, int | None]) -> None:
        if not changes:
            return
        displaced = self._make_room()
        # A held draft may have published a newer revision.
        kept = {key: to for key, to in changes.items() if to is None or to >= self.members.get(key, 0)}
        self.highest += 1
        self.versions[self.highest] = _applied(self.members, kept)
        self.switch(self.highest)
        self._seal_again(displaced)

    def _make_room(self) -> str | None:
        preview = self.preview
        if preview:
            self.unseal(preview)
        return preview

    def _seal_again(self, name: str | None) -> None:
        if name is not None and name in self.drafts and not self.conflicts(name):
            self.seal(name)


def _applied(members: Members, changes: Mapping[str, int | None]) -> Members:
    return {key: revision for key, revision in {**members, **changes}.items() if revision is not None}
