"""Hybrid search as an engine sees it: what it is asked for, and what becomes of its answers."""

from rag_service.domain.ids import ChunkId
from rag_service.retrieval.hybrid import Answers, Best, Hit, Side, Wish, asked, hybrid_search


class Engine:
    """Answers from scores by side and chunk; what is `gone` is in lists, and not there any more when asked about."""

    def __init__(self, dense: dict[str, float], sparse: dict[str, float], *, gone: str = "") -> None:
        self._scores = {Side.DENSE: dense, Side.SPARSE: sparse}
        self._gone = gone

    def answer(self, wishes: list[Wish]) -> Answers:
        return [
            self._listed(wish) if isinstance(wish, Best) else self._scored(wish.side, wish.points) for wish in wishes
        ]

    def _listed(self, wish: Best) -> list[Hit]:
        best = sorted(self._scores[wish.side].items(), key=lambda one: -one[1])
        return [Hit(name, score, ChunkId(name)) for name, score in best[: wish.limit]]

    def _scored(self, side: Side, points: tuple[object, ...]) -> list[Hit]:
        known = [name for name in self._scores[side] if name in points and name != self._gone]
        return [Hit(name, self._scores[side][name], ChunkId("")) for name in known]


def found(engine: Engine, *, limit: int) -> dict[str, tuple[float, float]]:
    candidates = asked(hybrid_search(limit=limit, sides=tuple(Side), exact=True), engine.answer)
    return {one.chunk_id: (one.dense_score, one.sparse_score) for one in candidates}


def test_each_hit_has_its_score_on_both_sides() -> None:
    engine = Engine({"a": 0.9, "b": 0.1, "c": 0.5}, {"b": 7.0, "c": 2.0})

    assert found(engine, limit=1) == {"a": (0.9, 0.0), "b": (0.1, 7.0)}


def test_a_point_that_is_removed_between_list_and_score_is_left_out() -> None:
    engine = Engine({"a": 0.9, "b": 0.1}, {"b": 7.0}, gone="b")

    assert found(engine, limit=1) == {"a": (0.9, 0.0)}
