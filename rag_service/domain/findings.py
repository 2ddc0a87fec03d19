"""What the reconciler finds where catalog, index and blobs do not agree."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rag_service.domain.ids import CorpusId

MAX_EXAMPLES = 100


class FindingKind(StrEnum):
    """What is wrong."""

    MISSING_POINT = "missing_point"
    ORPHAN_POINT = "orphan_point"
    WRONG_POINT = "wrong_point"  # it shows another chunk, or belongs to another tenant, than its id says
    WRONG_INTERVAL = "wrong_interval"
    WRONG_PRINCIPALS = "wrong_principals"
    UNKNOWN_CORPUS = "unknown_corpus"  # counted by points
    UNKNOWN_BUILD = "unknown_build"
    UNREADABLE_BUILD = "unreadable_build"
    ORPHAN_BLOB = "orphan_blob"
    MISSING_BLOB = "missing_blob"
    UNCHECKED_CORPUS = "unchecked_corpus"  # a part gave out on the way; the cause is in the log
    UNCHECKED_FILES = "unchecked_files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong: `subject` is a point, the hash of a blob, a build, or what could not be looked at."""

    kind: FindingKind
    subject: str
    corpus_id: CorpusId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKind:
    """All findings of a kind; what is not mended is left for a person, a running seal, or a run that is not dry."""

    kind: FindingKind
    found: int
    mended: int
    examples: tuple[Finding, ...]


class Findings:
    """Collects findings: all are counted, the first of each kind are kept."""

    def __init__(self) -> None:
        self._found: Counter[FindingKind] = Counter()
        self._mended: Counter[FindingKind] = Counter()
        self._examples: dict[FindingKind, list[Finding]] = {}

    def add(self, findings: Iterable[Finding], *, mended: bool) -> None:
        """Note findings, all mended or all not."""
        for finding in findings:
            self._found[finding.kind] += 1
            self._mended[finding.kind] += mended
            examples = self._examples.setdefault(finding.kind, [])
            if len(examples) < MAX_EXAMPLES:
                examples.append(finding)

    def include(self, kinds: Iterable[FoundKind]) -> None:
        """Note what was collected elsewhere."""
        for each in kinds:
            self._found[each.kind] += each.found
            self._mended[each.kind] += each.mended
            examples = self._examples.setdefault(each.kind, [])
            examples += each.examples[: MAX_EXAMPLES - len(examples)]

    def kinds(self) -> list[FoundKind]:
        """Return what was found, by kind."""
        return [
            FoundKind(
                kind=kind,
                found=self._found[kind],
                mended=self._mended[kind],
                examples=tuple(self._examples[kind]),
            )
            for kind in FindingKind
            if self._found[kind]
        ]
