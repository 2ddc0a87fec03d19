"""`python -m tests.bench.formats FOLDER…`: reads every document under the folders, beside unstructured's `partition`.

A document's reference is `groundtruth/NAME.md` beside its folder `sources`; of one text in many formats, `X_mult.*`,
it is `X_mult.txt`. Recall and precision are of words, case and marks aside; a document that was not read counts as nothing found.
Documents per second are over the files that both read, the better of two runs. `--ending .xlsx` reads only such files,
`--files` also prints a line per file.
"""

import argparse
import html
import logging
import re
import signal
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean

from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.media_types import ENDINGS
from ingestion.parsing.read import read_document
from rag_service.errors import DocumentRejected

HEADER = (
    f"{'format':10} {'files':>5} {'read':>5} {'scored':>6} {'recall':>7} {'precis.':>7} {'docs/s':>8}   "
    f"{'peer read':>9} {'recall':>7} {'precis.':>7} {'docs/s':>8} {'ratio':>7}"
)
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
    path: Path
    reference: str | None
    ours: Reading
    peer: Reading


def main() -> None:
    arguments = _arguments()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    _print(HEADER)
    by_format: dict[str, list[Measured]] = defaultdict(list)
    for path in _documents(arguments.folders, arguments.ending):
        by_format[path.suffix.lower()].append(_measured(path))
    for ending, all_measured in sorted(by_format.items()):
        _print(_line(ending, all_measured))
        for measured in all_measured if arguments.files else ():
            _print(_file_line(measured))
    _print(_line("all", [measured for found in by_format.values() for measured in found]))


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.formats", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--ending", action="append", help="read only files with this ending")
    parser.add_argument("--files", action="store_true", help="print a line per file")
    return parser.parse_args()


def _documents(folders: Sequence[Path], endings: Sequence[str] | None) -> Iterator[Path]:
    wanted = frozenset(endings or ENDINGS)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in wanted and path.is_file() and path.parent.name != "groundtruth":
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
        return read_document(file, path.name, ParsingLimits()).text


def _peer(path: Path) -> str:
    return "\n".join(str(element) for element in _partition()(str(path), strategy="fast"))


@cache
def _partition() -> Callable[..., list[object]]:
    from unstructured.partition import text_type
    from unstructured.partition.auto import partition

    # It tags words only to tell titles from prose, on which no text depends, with a model that it downloads first.
    text_type.pos_tag = lambda text: [(word, "NN") for word in text.split()]
    text_type.sent_tokenize = lambda text: [text]
    text_type.word_tokenize = str.split
    return partition


def recall_and_precision(text: str | None, reference: str) -> tuple[float, float]:
    """Return the share of the reference's words that were found, and of the found words that are in the reference."""
    wanted, found = (Counter(_WORD.findall(words.lower())) for words in (reference, text or ""))
    shared = (wanted & found).total()
    return shared / max(1, wanted.total()), shared / max(1, found.total())


def _line(name: str, all_measured: Sequence[Measured]) -> str:
    both = [measured for measured in all_measured if None not in (measured.ours.text, measured.peer.text)]
    speeds = [
        len(both) / seconds if (seconds := sum(one.seconds for one in readings)) else 0.0
        for readings in ([measured.ours for measured in both], [measured.peer for measured in both])
    ]
    ours, peer = (_scores(all_measured, side) for side in ("ours", "peer"))
    scored = sum(measured.reference is not None for measured in all_measured)
    ratio = f"{speeds[0] / speeds[1]:6.1f}x" if speeds[1] else ""
    return (
        f"{name:10} {len(all_measured):5} {_read(all_measured, 'ours'):5} {scored:6} {ours} {speeds[0]:8.1f}   "
        f"{_read(all_measured, 'peer'):9} {peer} {speeds[1]:8.1f} {ratio:>7}"
    )


def _read(all_measured: Sequence[Measured], side: str) -> int:
    return sum(getattr(measured, side).text is not None for measured in all_measured)


def _scores(all_measured: Sequence[Measured], side: str) -> str:
    scores = [
        recall_and_precision(getattr(measured, side).text, measured.reference)
        for measured in all_measured
        if measured.reference is not None
    ]
    return " ".join(f"{mean(values):7.3f}" for values in zip(*scores, strict=True)) if scores else f"{'':15}"


def _file_line(measured: Measured) -> str:
    sides = [
        reading.problem
        or f"{reading.seconds * 1000:8.1f} ms "
        + (" ".join(f"{score:.3f}" for score in recall_and_precision(reading.text, measured.reference or "")))
        * (measured.reference is not None)
        for reading in (measured.ours, measured.peer)
    ]
    return f"    {measured.path.name:45} {sides[0]:28} {sides[1]:28}"


if __name__ == "__main__":
    main()
