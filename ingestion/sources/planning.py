"""What a run does: a comparison of what a source holds with what its last applied run left."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ingestion.connectors.port import Item
from rag_service.domain.sync import ChangeKind, ChangeState, RunCounts, SourceChange, SourceItem
from rag_service.domain.versions import Member

FORGOTTEN = ""
"""The revision of an item whose content is brought in any case: no source gives it."""

_GUARDED_ITEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Lines by key, and how many items there were (`known`) and are. Erased and unusable ones stay out unnamed."""

    changes: tuple[SourceChange, ...]
    known: int
    unchanged: int = 0
    erased: int = 0
    unusable: int = 0

    @property
    def counts(self) -> RunCounts:
        """How much of everything there is."""
        others = RunCounts(unchanged=self.unchanged, erased=self.erased, unusable=self.unusable)
        return counted(self.changes, others)

    @property
    def deletes_too_much(self) -> bool:
        """Whether it deletes more than half of a source of some size: more likely its listing is wrong."""
        deleted = sum(change.kind is ChangeKind.DELETED for change in self.changes)
        return self.known > _GUARDED_ITEMS and 2 * deleted > self.known


def plan(
    listed: Iterable[Item],
    known: Mapping[str, SourceItem],
    *,
    is_barred: Callable[[str], bool],
    is_usable: Callable[[str], bool],
) -> Plan:
    """Return what brings `known` to what is `listed`.

    An item is renamed when it is new and one with the same content went away. Barred keys were erased from the corpus,
    unusable ones cannot be kept.
    """
    items: dict[str, Item] = {}
    erased = unusable = 0
    for item in listed:
        if not is_usable(item.key):
            unusable += 1
        elif item.key not in known and is_barred(item.key):
            erased += 1
        else:
            items[item.key] = item
    changes = [
        _bringing(item, known.get(key)) for key, item in items.items() if not _is_unchanged(item, known.get(key))
    ]
    unchanged = len(items) - len(changes)
    changes += [_removing(item) for key, item in known.items() if key not in items]
    in_order = sorted(_with_renames(changes), key=lambda change: change.key)
    return Plan(changes=tuple(in_order), known=len(known), unchanged=unchanged, erased=erased, unusable=unusable)


def counted(changes: Iterable[SourceChange], others: RunCounts) -> RunCounts:
    """Return `others` with the lines of a plan; what failed is not also counted as what it was to be."""
    lines = [change for change in changes if change.kind is not ChangeKind.LEFT]
    of_kind = Counter(change.kind for change in lines if not _has_failed(change))
    return replace(
        others,
        new=of_kind[ChangeKind.NEW],
        changed=of_kind[ChangeKind.CHANGED],
        renamed=of_kind[ChangeKind.RENAMED],
        deleted=of_kind[ChangeKind.DELETED],
        failed=len(lines) - of_kind.total(),
    )


def with_what_was_taken_back(known: Mapping[str, SourceItem], published: Mapping[str, Member]) -> dict[str, SourceItem]:
    """Return `known` so that a plan also brings again what is not published, and removes what is and should not be."""
    wanted = {
        key: replace(item, revision=FORGOTTEN) if _is_away(item, published) else item for key, item in known.items()
    }
    for key, member in published.items():
        if key not in known:
            wanted[key] = SourceItem(
                key=key,
                revision=FORGOTTEN,
                content_id=None,
                size_bytes=None,
                document_id=member.document_id,
                number=member.revision,
            )
    return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A plan made anew after a run was cut short: with what it did already done, apart from the keys in `outdated`."""

    changes: Sequence[SourceChange]
    outdated: Collection[str]

    @property
    def done(self) -> Collection[str]:
        """The keys of what needs not be done again."""
        return {change.key for change in self.changes if change.state is ChangeState.DONE}

    @property
    def to_do(self) -> Sequence[SourceChange]:
        """What is still planned."""
        return [change for change in self.changes if change.state is ChangeState.PLANNED]


def resumed(changes: Sequence[SourceChange], earlier: Collection[SourceChange]) -> Resumed:
    """Return a new plan with what an earlier one of the same run has done."""
    done = {change.key: change for change in earlier if change.state in {ChangeState.DONE, ChangeState.SEEN}}
    merged = [_as_it_is(change, done.get(change.key)) for change in changes]
    kept = {change.key for change in merged if change.state is not ChangeState.PLANNED}
    return Resumed(changes=merged, outdated=set(done) - kept)


def _as_it_is(change: SourceChange, done: SourceChange | None) -> SourceChange:
    is_same = done is not None and (done.kind, done.revision) == (change.kind, change.revision)
    return done if done is not None and is_same else change


def _is_unchanged(item: Item, known: SourceItem | None) -> bool:
    return known is not None and known.revision == item.revision


def _is_away(item: SourceItem, published: Mapping[str, Member]) -> bool:
    if item.document_id is None or item.number is None:
        return True
    return published.get(item.key) != Member(document_id=item.document_id, revision=item.number)


def _bringing(item: Item, known: SourceItem | None) -> SourceChange:
    return SourceChange(
        key=item.key,
        kind=ChangeKind.NEW if known is None else ChangeKind.CHANGED,
        filename=item.filename,
        revision=item.revision,
        content_id=item.content_id,
        size_bytes=item.size_bytes,
        document_id=None if known is None else known.document_id,
    )


def _removing(item: SourceItem) -> SourceChange:
    return SourceChange(key=item.key, kind=ChangeKind.DELETED, content_id=item.content_id, document_id=item.document_id)


def _with_renames(changes: Sequence[SourceChange]) -> list[SourceChange]:
    """Return the changes with each deleted item that came up again elsewhere as a renamed one."""
    gone: defaultdict[str, list[str]] = defaultdict(list)
    for change in sorted(changes, key=lambda change: change.key, reverse=True):
        if change.kind is ChangeKind.DELETED and change.content_id:
            gone[change.content_id].append(change.key)
    origins: dict[str, str] = {}
    for change in sorted(changes, key=lambda change: change.key):
        if change.kind is ChangeKind.NEW and change.content_id and gone[change.content_id]:
            origins[change.key] = gone[change.content_id].pop()
    left = set(origins.values())
    return [_renamed(change, origins.get(change.key), is_left=change.key in left) for change in changes]


def _renamed(change: SourceChange, origin: str | None, *, is_left: bool) -> SourceChange:
    if origin is not None:
        return replace(change, kind=ChangeKind.RENAMED, renamed_from=origin)
    return replace(change, kind=ChangeKind.LEFT) if is_left else change


def _has_failed(change: SourceChange) -> bool:
    return change.state in {ChangeState.FAILED, ChangeState.SEEN}
