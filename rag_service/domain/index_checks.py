"""What a check of an index finds: how much of the truly nearest its engine finds, and whether all points are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rag_service.domain.ids import ChunkId, CorpusId, Fingerprint, TenantId

TOP = 10
"""Recall is that of the ten best: more are seldom shown."""

TIE = 1e-6
"""Scores as near as that are equal: engines add up in another order."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A chunk and its cosine with a question."""

    chunk_id: ChunkId
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """Recall of the ten best in [0, 1]: the mean over `queries` questions, and the least of them."""

    mean: float
    least: float
    queries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFindings:
    """What a check found. `asked` questions came from people, `made` are sentences of documents.

    `recall` is that of a caller who sees all documents, `restricted` that of one who sees some; None says that it was
    not measured: `notes` say why. `points_held` of `points_expected` are in the index, `vectors_lost` chunks have no
    kept vector to compare with.
    """

    asked: int = 0
    made: int = 0
    recall: Recall | None = None
    restricted: Recall | None = None
    points_expected: int = 0
    points_held: int = 0
    vectors_lost: int = 0
    parameters: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def points_missing(self) -> int:
        """How many points the index lacks; one too many elsewhere hides one."""
        return max(0, self.points_expected - self.points_held)

    @property
    def worst_recall(self) -> float | None:
        """The lower mean of those that were measured."""
        return min((one.mean for one in (self.recall, self.restricted) if one is not None), default=None)

    def is_under(self, floor: float) -> bool | None:
        """Say whether less is found than the `floor` asks for; None when that was not measured."""
        return None if self.worst_recall is None else self.worst_recall < floor


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexCheck:
    """A check of what is published of a corpus. `found` is None until it has ended, and of one that broke off."""

    tenant_id: TenantId
    corpus_id: CorpusId
    fingerprint: Fingerprint
    version: int
    engine: str
    begun_at: datetime
    finished_at: datetime | None = None
    found: CheckFindings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexComparison:
    """What the reconciler found when it last compared every point of a build with the catalog, and what it mended."""

    tenant_id: TenantId
    corpus_id: CorpusId
    fingerprint: Fingerprint
    compared_at: datetime
    differing: int
    mended: int


def recall_of(found: Sequence[Neighbour], nearest: Sequence[Neighbour]) -> float | None:
    """Return the share of the ten nearest that is among the first ten of `found`, both best first.

    Where chunks are equally near, each is as good as another. None when there is nothing to be found.
    """
    wanted = min(TOP, len(nearest))
    if not wanted:
        return None
    bar = nearest[wanted - 1].score
    right = {one.chunk_id for one in nearest if one.score >= bar - TIE}
    hits = sum(one.chunk_id in right or abs(one.score - bar) <= TIE for one in found[:TOP])
    return min(hits, wanted) / wanted


def recall_over(found: Sequence[Sequence[Neighbour]], nearest: Sequence[Sequence[Neighbour]]) -> Recall | None:
    """Return the recall over several questions, None when none of them has anything to be found."""
    each = [recall_of(one, true) for one, true in zip(found, nearest, strict=True)]
    measured = [value for value in each if value is not None]
    if not measured:
        return None
    return Recall(mean=sum(measured) / len(measured), least=min(measured), queries=len(measured))
