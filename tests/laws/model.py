"""What a corpus should be after any history: a few dictionaries and the rules of drafts, nothing else."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rag_service.domain.ids import AnswerId

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
    """A corpus at rest.

    `asked`: the versions that were ever published. `left`: the day on which each was, last, what people asked.
    `shown` and `withdrawn`: the newest revision outside held drafts, now and when the document was deleted.
    `answers`: who was given each, and what it shows.
    """

    texts: dict[tuple[str, int], str] = field(default_factory=dict)
    latest: Members = field(default_factory=dict)
    versions: dict[int, Members] = field(default_factory=lambda: {0: {}})
    published: int = 0
    highest: int = 0
    asked: set[int] = field(default_factory=set)
    drafts: dict[str, HeldDraft] = field(default_factory=dict)
    failed: set[tuple[str, int]] = field(default_factory=set)
    today: int = 0
    left: dict[int, int] = field(default_factory=dict)
    brought: dict[tuple[str, int], int] = field(default_factory=dict)
    shown: Members = field(default_factory=dict)
    withdrawn: Members = field(default_factory=dict)
    answers: dict[AnswerId, tuple[str, frozenset[tuple[str, int]]]] = field(default_factory=dict)

    @property
    def members(self) -> Members:
        """What is published."""
        return self.versions[self.published]

    @property
    def known(self) -> set[str]:
        """The documents of which there is a revision."""
        return {key for key, revision in self.latest.items() if revision}

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
        brought = {key: self._bring(key, text, into=None) for key, text in documents.items()}
        self._publish_automatic({key: revision for key, revision in brought.items() if revision})

    def delete(self, key: str) -> None:
        """Publish a deletion by the automatic draft."""
        self._publish_automatic({key: None})

    def hold(self, name: str, key: str, text: str) -> None:
        """Put an upload into a draft."""
        revision = self._bring(key, text, into=self.drafts[name])
        if revision:
            self.drafts[name].changes[key] = revision

    def seal(self, name: str) -> None:
        """Make the next version of a draft, against what is published now."""
        draft = self.drafts[name]
        self.highest += 1
        draft.number, draft.sealed_against = self.highest, self.published
        self._add_version(draft.changes)

    def unseal(self, name: str) -> None:
        """Give a version up, and its number for good."""
        draft = self.drafts[name]
        if draft.number:
            del self.versions[draft.number]
        draft.number, draft.sealed_against = None, 0

    def publish_draft(self, name: str) -> None:
        """Publish a draft: as it was sealed when that still holds, else sealed anew."""
        draft = self.drafts[name]
        displaced = None
        if draft.number is None or draft.sealed_against != self.published:
            displaced = self._make_room()
            self.seal(name)
        self.switch(draft.number or 0)
        self._note(draft.changes)
        del self.drafts[name]
        self._seal_again(displaced)

    def switch(self, number: int) -> None:
        """Publish a version."""
        self.left[self.published] = self.today
        self.published = number
        self.asked.add(number)

    def lose(self, key: str, text: str) -> None:
        """Take an upload back before it is prepared."""
        revision = self._bring(key, text, into=None)
        if revision is not None:
            self.failed.add((key, revision))
            self.shown[key] = revision

    def repeat(self, key: str) -> None:
        """Prepare after all what was taken back, and publish it."""
        revision = self.latest[key]
        self.failed.discard((key, revision))
        self._publish_automatic({key: revision})

    def rebuild(self) -> None:
        """Switch to another build, by a version without changes."""
        displaced = self._make_room()
        self.highest += 1
        self._add_version({})
        self.switch(self.highest)
        self._seal_again(displaced)

    @contextmanager
    def preview_waiting(self) -> Iterator[None]:
        """Seal what is previewed again only after all that is published in here."""
        displaced = self._make_room()
        yield
        self._seal_again(displaced)

    def erase(self, key: str) -> None:
        """Forget a document, and what was told about it."""
        for members in self.versions.values():
            members.pop(key, None)
        for draft in self.drafts.values():
            draft.changes.pop(key, None)
        self.brought = {(of, revision): day for (of, revision), day in self.brought.items() if of != key}
        self.failed = {(of, revision) for of, revision in self.failed if of != key}
        self.latest[key] = self.shown[key] = self.withdrawn[key] = 0
        self.answers = {
            name: (person, shown)
            for name, (person, shown) in self.answers.items()
            if key not in {of for of, _ in shown}
        }

    def erase_person(self, person: str) -> None:
        """Forget what was told to somebody."""
        self.answers = {name: answer for name, answer in self.answers.items() if answer[0] != person}

    def retain(self, *, versions: int, days: int) -> None:
        """Forget what is too old."""
        numbers = sorted(self.versions.keys() - {0})
        bases = {number for draft in self.drafts.values() for number in (draft.base, draft.sealed_against)}
        kept = {self.published, *bases, *numbers[-max(versions, 2) :]}
        for number in numbers:
            if number not in kept and self.left[number] + days <= self.today:
                del self.versions[number]
        self.asked &= self.versions.keys()
        self._forget_revisions(days)

    def _forget_revisions(self, days: int) -> None:
        needed = {member for version in self.versions.values() for member in version.items()}
        drafted = [change for draft in self.drafts.values() for change in draft.changes.items()]
        needed |= {(key, revision) for key, revision in drafted if revision is not None}
        needed |= {source for _, shown in self.answers.values() for source in shown}
        used = {key for key, _ in needed}
        for (key, revision), day in list(self.brought.items()):
            is_over = key not in used and self.withdrawn.get(key, 0) >= self.shown.get(key, 0)
            is_last = revision == self.shown.get(key, 0) and not is_over
            if (key, revision) not in needed and not is_last and day + days <= self.today:
                del self.brought[key, revision]
        for key in list(self.latest):
            there = [revision for of, revision in self.brought if of == key]
            self.latest[key] = max(there, default=0)
            if not there:
                self.shown[key] = self.withdrawn[key] = 0

    def _note(self, changes: Mapping[str, int | None]) -> None:
        for key, revision in changes.items():
            shown = self.shown.get(key, 0)
            if revision is None:
                self.withdrawn[key] = shown
            else:
                self.shown[key] = max(shown, revision)

    def _add_version(self, changes: Mapping[str, int | None]) -> None:
        self.versions[self.highest] = _applied(self.members, changes)
        self.left[self.highest] = self.today

    def _bring(self, key: str, text: str, *, into: HeldDraft | None) -> int | None:
        """Return the revision that an upload brings into a draft; None when all is as it wants it."""
        latest = self.latest.get(key, 0)
        if latest == 0 or self.texts[key, latest] != text or (key, latest) in self.failed:
            self.latest[key] = latest + 1
            self.texts[key, latest + 1] = text
            self.brought[key, latest + 1] = self.today
            self.failed.discard((key, latest + 1))
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
        self._add_version(kept)
        self.switch(self.highest)
        self._note(changes)
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
