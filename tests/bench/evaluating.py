"""`python -m tests.bench.evaluating [questions] [--ragas]`: a run of golden questions, and the same run once more.

They are questions of squad-open, with and without an answer, over the paragraphs that answer them, and go to the extractive
generator with the settings of the service, as the evaluation worker asks them.
"""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from eval.bootstrap import open_evaluation
from eval.corpus_runs import CorpusRuns
from eval.datasets.cases import Case
from eval.datasets.folders import read_cases, read_texts
from rag_service.settings import read_settings
from tests.bench import ours
from tests.bench.figures import Figure
from tests.bench.processor_time import Spent, spending
from tests.bench.texts import SQUAD, Row
from tests.integration.evaluating import Counting
from tests.running import RunningService

CORPUS = "bench"


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder, ours.running(Path(folder) / "data") as service:
        cases = _load(service, Path(folder) / "rows.jsonl", arguments.questions)
        os.environ["RAG_DATA_DIR"] = str(service.data_dir)
        for figure in asyncio.run(_measure(service, cases, with_ragas=arguments.ragas)):
            sys.stdout.write(f"{figure.line()}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", nargs="?", type=int, default=1000)
    parser.add_argument("--ragas", action="store_true", help="measure the metrics of RAGAS that need no judge too")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    return parser.parse_args()


def _load(service: RunningService, rows_path: Path, count: int) -> list[Case]:
    texts = read_texts(SQUAD)
    cases = read_cases(SQUAD, texts, limit=count)
    gold = {quote.document_key for case in cases for quote in case.quotes}
    ours.write_rows(rows_path, [Row(id=one.id, title=one.title, text=one.text) for one in texts if one.id in gold])
    ours.ingest(service, rows_path, CORPUS)
    return cases


async def _measure(service: RunningService, cases: Sequence[Case], *, with_ragas: bool) -> list[Figure]:
    async with open_evaluation(read_settings(), service.key) as opened:
        counter: Any = Counting(opened.container.ask_question)
        evaluation = replace(opened, container=replace(opened.container, ask_question=counter))
        measure = CorpusRuns(evaluation, judge=None, with_ragas=with_ragas, is_fresh=False)
        first = await _run(measure, service, cases)
        asked = len(counter.asked)
        again = await _run(measure, service, cases)
    return [
        Figure("questions of a run", float(asked), "questions"),
        Figure("a run", asked / first.seconds, "/s", note=f"{first.cpu_s / asked:.3f} processor s each"),
        Figure("a run, all of it", first.seconds / 60, "min", limit="1000: <= 10"),
        Figure("the same again, nothing changed", again.seconds, "s", note=f"{len(counter.asked) - asked} asked"),
    ]


async def _run(measure: CorpusRuns, service: RunningService, cases: Sequence[Case]) -> Spent:
    own = time.process_time()
    with spending(service) as spent:
        await measure(CORPUS, cases, suite="bench", targets={}, tell=lambda _: None)
    spent.cpu_s += time.process_time() - own
    return spent


if __name__ == "__main__":
    main()
