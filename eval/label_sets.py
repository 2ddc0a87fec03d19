"""Does our judge-free faithfulness agree with people? Measured on sets of responses that people labelled."""

import json
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.datasets.cases import DataAbsent
from eval.datasets.folders import read_rows
from eval.judging import open_checker
from eval.loading import Tell
from eval.metrics.agreement import (
    KAPPA,
    agreement_figure,
    auc,
    balanced_accuracy,
    cohen_kappa,
    point_biserial,
    spearman,
)
from eval.metrics.judge_free import NO_SENTENCE, passage_of, sentence_supports
from eval.suites import LabelledSet, LabelsSuite
from rag_service.api.run_report import Section
from rag_service.bootstrap import Container
from rag_service.domain.evaluations import Figure
from rag_service.domain.spans import sha256_of
from rag_service.ports.unit_checker import UnitChecker

BALANCED_ACCURACY = "balanced accuracy"

_RAGAS = (
    "RAGAS published none on this set: its faithfulness, judged by gpt-3.5-turbo-16k, agreed with people on 95 % of the "
    "pairs of WikiEval (Es et al. 2023, arXiv:2309.15217)."
)
_EVERY = 50
SUPPORTED = frozenset({"faithful", "supported", "SUPPORT"})
UNSUPPORTED = frozenset(
    {"hallucinated", "not_supported", "partially_supported", "partially", "CONTRADICT", "NOT_ENOUGH_INFO"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledItem:
    """A response to judge by its context; `supported` is what people said, of the whole of it.

    `found` are the passages of the context with the headings above them, where these are known.
    """

    id: str
    context: str
    question: str
    response: str
    supported: bool
    found: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def passages(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The context as texts with headings: its paragraphs, where the passages are not known."""
        return self.found or tuple((text, ()) for text in self.context.split("\n\n") if text.strip())

    @property
    def digest(self) -> str:
        """A hash of all of it."""
        return sha256_of(json.dumps([self.context, self.found, self.question, self.response, self.supported]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What people and the verifier say of a response; `score` None: it has no sentence.

    A response is as well supported as its worst sentence is.
    """

    item: LabelledItem
    score: float | None


async def measure_label_sets(
    container: Container, data: Path, suite: LabelsSuite, *, only: Collection[str], limit: int | None, tell: Tell
) -> list[Section]:
    """Return one section per set of the suite; `only` names those wanted, all when it is empty."""
    sections = []
    for labelled in suite.sets:
        if only and labelled.folder not in only:
            continue
        folder, items = data / labelled.folder, limit or suite.items
        try:
            sections.append(await measure_labels(container, folder, labelled, limit=items, seed=suite.seed, tell=tell))
        except DataAbsent as exc:
            sections.append(Section(name=labelled.folder, notes=[f"Skipped: {exc}"]))
    return sections


async def measure_labels(
    container: Container, folder: Path, labelled: LabelledSet, *, limit: int, seed: int, tell: Tell
) -> Section:
    """Return how far the service's verifier agrees with people on one set, beside what others published for it.

    Raises:
        DataAbsent: the set is not there.
    """
    items = chosen(read_items(folder), limit=limit, seed=seed)
    checker, judged = open_checker(container), []
    for count, item in enumerate(items, start=1):
        judged.append(await verified(checker, item))
        if count % _EVERY == 0:
            tell(f"{labelled.folder}: {count} of {len(items)} responses")
    threshold = container.settings.verification.support_threshold
    return Section(
        name=labelled.folder,
        metrics=figures(judged, threshold=threshold),
        evidence=[_evidence(one, threshold=threshold) for one in judged],
        notes=_notes(labelled),
    )


async def verified(checker: UnitChecker, item: LabelledItem) -> Judged:
    """Return what the verifier says of a response."""
    passages = [passage_of(text, above, rank) for rank, (text, above) in enumerate(item.passages, start=1)]
    supports = await sentence_supports(checker, item.response, passages, question=item.question)
    return Judged(item=item, score=min(supports, default=None))


def read_items(folder: Path) -> list[LabelledItem]:
    """Return the labelled responses of a set, sentence by sentence where people labelled sentences.

    Contexts may be in a file of their own, by `context_id`. What people did not agree about, or find without a statement,
    is left out.

    Raises:
        DataAbsent: the set is not there.
    """
    rows = list(read_rows(folder, "items*.jsonl"))
    is_apart = any("context_id" in row for row in rows)
    contexts = {row["id"]: row["text"] for row in read_rows(folder, "contexts*.jsonl")} if is_apart else {}
    return [
        LabelledItem(
            id=f"{row['id']} {number}",
            context=row["context"] if "context" in row else contexts[row["context_id"]],
            question=row["question"],
            response=text,
            supported=label in SUPPORTED,
        )
        for row in rows
        for number, (text, label) in enumerate(_labelled(row), start=1)
        if label in SUPPORTED | UNSUPPORTED
    ]


def chosen(items: Sequence[LabelledItem], *, limit: int, seed: int) -> list[LabelledItem]:
    """Return at most `limit` items, drawn by `seed`, in their own order."""
    drawn = random.Random(seed).sample(range(len(items)), min(limit, len(items)))  # noqa: S311  (no secret)
    return [items[index] for index in sorted(drawn)]


def figures(judged: Sequence[Judged], *, threshold: float) -> list[Figure]:
    """Return the agreement of scores, and of verdicts at `threshold`, with people's labels."""
    taken = [(one.item.supported, one.score) for one in judged if one.score is not None]
    labels, scores = [label for label, _ in taken], [score for _, score in taken]
    verdicts = [score >= threshold for score in scores]
    found = [
        agreement_figure(BALANCED_ACCURACY, balanced_accuracy, labels, verdicts),
        agreement_figure("AUC", auc, labels, scores),
        agreement_figure("point-biserial correlation", point_biserial, labels, scores),
        agreement_figure("Spearman correlation", spearman, labels, scores),
        agreement_figure(KAPPA, cohen_kappa, labels, verdicts),
    ]
    mute = len(judged) - len(taken)
    if not mute:
        return found
    return [replace(one, total=len(judged), missing={**one.missing, NO_SENTENCE: mute}) for one in found]


def _labelled(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    if parts := row.get("sentences"):
        return [(part["text"], part["label"]) for part in parts]
    return [(row["response"], row["label"])]


def _evidence(one: Judged, *, threshold: float) -> Mapping[str, object]:
    return {
        "id": one.item.id,
        "question": one.item.question,
        "response": one.item.response,
        "supported, people": one.item.supported,
        "supported, verifier": None if one.score is None else one.score >= threshold,
        "score": one.score,
    }


def _notes(labelled: LabelledSet) -> list[str]:
    others = ", ".join(f"{name} {value}" for name, value in labelled.published.items())
    notes = [f"Published {BALANCED_ACCURACY} (in %, other preprocessing): {others}."] if others else []
    return [*notes, *([labelled.note] if labelled.note else []), _RAGAS]
