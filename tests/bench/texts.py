"""Texts to measure with: the public SQuAD paragraphs where they are at hand, else seeded sentences."""

import gzip
import json
import random
from dataclasses import dataclass
from pathlib import Path

SQUAD = Path(__file__).resolve().parents[3] / "shared" / "data" / "squad-open"
_WORDS = [
    "account",
    "archive",
    "backup",
    "budget",
    "cable",
    "canal",
    "castle",
    "census",
    "charter",
    "climate",
    "committee",
    "compass",
    "contract",
    "copper",
    "council",
    "court",
    "engine",
    "estate",
    "export",
    "factory",
    "ferry",
    "fiction",
    "garden",
    "glacier",
    "harbour",
    "history",
    "invoice",
    "island",
    "journal",
    "kernel",
    "ledger",
    "library",
    "market",
    "mineral",
    "museum",
    "network",
    "ocean",
    "orchard",
    "parcel",
    "permit",
    "planet",
    "policy",
    "printer",
    "railway",
    "record",
    "region",
    "river",
    "satellite",
    "school",
    "signal",
    "station",
    "storage",
    "summit",
    "survey",
    "tariff",
    "temple",
    "theatre",
    "treaty",
    "tunnel",
    "valley",
    "village",
    "voyage",
    "winter",
]


@dataclass(frozen=True)
class Row:
    """A document of a JSONL file."""

    id: str
    title: str
    text: str


def rows(limit: int) -> list[Row]:
    """Return at most `limit` documents, always the same ones."""
    if SQUAD.exists():
        with gzip.open(SQUAD / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
            found = [json.loads(line) for _, line in zip(range(limit), lines, strict=False)]
        return [Row(id=row["id"], title=row.get("title") or "", text=row["text"]) for row in found]
    return [_made_up(number) for number in range(min(limit, 3000))]


def questions(limit: int) -> list[str]:
    """Return at most `limit` questions about the rows."""
    if SQUAD.exists():
        with (SQUAD / "queries.jsonl").open(encoding="utf-8") as lines:
            return [json.loads(line)["text"] for _, line in zip(range(limit), lines, strict=False)]
    generator = random.Random(1)  # noqa: S311  (repeatable, not secret)
    return [f"What does the {generator.choice(_WORDS)} say about the {generator.choice(_WORDS)}?" for _ in range(limit)]


def _made_up(number: int) -> Row:
    generator = random.Random(number)  # noqa: S311  (repeatable, not secret)
    sentences = [" ".join(generator.choices(_WORDS, k=16)).capitalize() + "." for _ in range(7)]
    return Row(id=str(number), title=" ".join(generator.choices(_WORDS, k=2)).title(), text=" ".join(sentences))
