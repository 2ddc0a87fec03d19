"""`python -m tests.bench.formats FOLDER…`: reads every document under the folders, beside unstructured's `partition`.

A document's reference is `groundtruth/NAME.md` beside its folder `sources`; of one text in many formats, `X_mult.*`,
it is `X_mult.txt`. Recall and precision are of words, case and marks aside; a document that was not read counts as
nothing found, but a format of which the peer read none, as a library that it needs is not installed, counts for none of
its figures. Documents per second are over the files that both read, the better of two runs; neither recognises text in
pictures. `--ending .xlsx` reads only such files, `--files` also prints a line per file, `--markdown` prints a table of
Markdown.
"""

import argparse
import html
import logging
import re
import shutil
import signal
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import mean

from ingestion.parsing.general import untagged
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.media_types import ENDINGS
from ingestion.parsing.read import read_document
from rag_service.errors import DocumentRejected
from tests.bench.telling import tell

HEADER = (
    "format", "files", "read", "refused", "docs/s", "peer's", "ratio",
    "with reference", "recall", "precision", "peer read", "peer's recall", "peer's precision",
)  # fmt: skip
OTHER = "other"
RUNS = 2
PEER_TIMEOUT_S = 60
_WORD = re.compile(r"\w+")
_MARKUP = re.compile(r"<!--.*?-->|\]\([^)]*\)|</?\w+[^>]*>|\\(?=\W)", re.DOTALL)


@dataclass(frozen=True)
class Reading:
    """What became of one file; `text` is None when it was not read, `seconds` of the faster run."""

    text: str | None
    seconds: float
    problem: str = ""


@dataclass(frozen=True)
class Measured:
    """One file; `peer` is None when that reads nothing of its format here."""

    path: Path
    reference: str | None
    ours: Reading
    peer: Reading | None


def main() -> None:
    arguments = _arguments()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    line = _markdown if arguments.markdown else _columns
    tell(line(HEADER))
    if arguments.markdown:
        tell(line(["---"] * len(HEADER)))
    by_format: dict[str, list[Measured]] = defaultdict(list)
    for path in _documents(arguments.folders, arguments.ending):
        ending = path.suffix.lower()
        by_format[ending if ending in ENDINGS else OTHER].append(_measured(path))
    by_format = {ending: _where_able(found) for ending, found in by_format.items()}
    for ending, found in sorted(by_format.items(), key=lambda item: (item[0] == OTHER, item[0])):
        tell(line(_cells(ending, found)))
        for measured in found if arguments.files else ():
            tell(_file_line(measured))
    tell(line(_cells("all", [measured for found in by_format.values() for measured in found])))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.formats", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--ending", action="append", help="read only files with this ending")
    parser.add_argument("--files", action="store_true", help="print a line per file")
    parser.add_argument("--markdown", action="store_true", help="print a table of Markdown")
    return parser.parse_args()


def _documents(folders: Sequence[Path], endings: Sequence[str] | None) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            wanted = not endings or path.suffix.lower() in endings
            if wanted and path.is_file() and path.parent.name != "groundtruth":
                yield path


def reference_of(path: Path) -> str | None:
    """Return the text that a document should give, None when nobody wrote it down."""
    written = path.parent.parent / "groundtruth" / f"{path.name}.md"
    same = path.with_suffix(".txt")
    for place in (written, same):
        is_meant = place == written or (place != path and path.stem.endswith("_mult"))
        if is_meant and place.is_file():
            return _MARKUP.sub(" ", html.unescape(place.read_text(encoding="utf-8", errors="replace")))
    return None


def _measured(path: Path) -> Measured:
    return Measured(path=path, reference=reference_of(path), ours=_timed(_ours, path), peer=_timed(_peer, path))


def _timed(read: Callable[[Path], str], path: Path) -> Reading:
    text, seconds = None, []
    for _ in range(RUNS):
        started = time.perf_counter()
        try:
            with _limited():
                text = read(path)
        except DocumentRejected as exc:
            return Reading(None, 0, exc.reason.value)
        except Exception as exc:  # noqa: BLE001  (a peer may fail in any way; it is printed)
            return Reading(None, 0, type(exc).__name__)
        seconds.append(time.perf_counter() - started)
    return Reading(text, min(seconds))


class _limited:  # noqa: N801  (reads as a word of the language)
    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, self._expire)
        signal.alarm(PEER_TIMEOUT_S)

    def __exit__(self, *_exception: object) -> None:
        signal.alarm(0)

    @staticmethod
    def _expire(*_: object) -> None:
        raise TimeoutError


def _ours(path: Path) -> str:
    with path.open("rb") as file:
        return read_document(file, path.name, ParsingLimits(pandoc_program=shutil.which("pandoc") or "")).text


def _peer(path: Path) -> str:
    return "\n".join(str(element) for element in _partition()(str(path), strategy="fast"))


@cache
def _partition() -> Callable[..., list[object]]:
    from unstructured.partition import text_type
    from unstructured.partition.auto import partition

    # It tags words only to tell titles from prose, on which no text depends, with a model that it downloads first.
    for name in ("pos_tag", "sent_tokenize", "word_tokenize"):
        setattr(text_type, name, getattr(untagged, name))
    return partition


def recall_and_precision(text: str | None, reference: str) -> tuple[float, float]:
    """Return the share of the reference's words that were found, and of the found words that are in the reference."""
    wanted, found = (Counter(_WORD.findall(words.lower())) for words in (reference, text or ""))
    shared = (wanted & found).total()
    return shared / max(1, wanted.total()), shared / max(1, found.total())


def _where_able(found: list[Measured]) -> list[Measured]:
    if any(measured.peer and measured.peer.text is not None for measured in found):
        return found
    return [replace(measured, peer=None) for measured in found]


def _cells(name: str, found: Sequence[Measured]) -> list[str]:
    by_peer = [measured for measured in found if measured.peer is not None]
    refused = Counter(measured.ours.problem for measured in found if measured.ours.text is None)
    ours, peer = _speeds(found)
    return [
        name,
        str(len(found)),
        str(_read([measured.ours for measured in found])),
        ", ".join(f"{count} {reason}" for reason, count in refused.most_common()),
        f"{ours:.1f}" if ours else "",
        f"{peer:.1f}" if peer else "",
        f"{ours / peer:.1f}" if peer else "",
        str(sum(measured.reference is not None for measured in found)),
        *_scores((measured.ours, measured.reference) for measured in found),
        str(_read([measured.peer for measured in by_peer])) if by_peer else "",
        *_scores((measured.peer, measured.reference) for measured in by_peer),
    ]


def _speeds(found: Sequence[Measured]) -> tuple[float, float]:
    """Return documents per second, ours and the peer's, over those that both read."""
    both = [
        (one.ours.seconds, one.peer.seconds)
        for one in found
        if one.peer is not None and None not in (one.ours.text, one.peer.text)
    ]
    ours, peer = (sum(seconds) for seconds in zip(*both, strict=True)) if both else (0.0, 0.0)
    return (len(both) / ours, len(both) / peer) if both else (0.0, 0.0)


def _read(readings: Sequence[Reading | None]) -> int:
    return sum(reading is not None and reading.text is not None for reading in readings)


def _scores(readings: Iterable[tuple[Reading | None, str | None]]) -> tuple[str, str]:
    scores = [
        recall_and_precision(reading.text, reference)
        for reading, reference in readings
        if reading is not None and reference is not None
    ]
    recalls, precisions = zip(*scores, strict=True) if scores else ((), ())
    return (f"{mean(recalls):.3f}", f"{mean(precisions):.3f}") if scores else ("", "")


def _columns(cells: Sequence[str]) -> str:
    widths = [max(len(name), 6) for name in HEADER]
    widths[HEADER.index("refused")] = 40
    return " ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _markdown(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _file_line(measured: Measured) -> str:
    sides = [_side(reading, measured.reference) for reading in (measured.ours, measured.peer) if reading is not None]
    return f"    {measured.path.name:45} {' '.join(f'{side:28}' for side in sides)}"


def _side(reading: Reading, reference: str | None) -> str:
    if reading.text is None:
        return reading.problem
    scores = recall_and_precision(reading.text, reference) if reference is not None else ()
    return " ".join([f"{reading.seconds * 1000:8.1f} ms", *(f"{score:.3f}" for score in scores)])


if __name__ == "__main__":
    main()
