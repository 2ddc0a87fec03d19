"""`python -m eval.agreement CORPUS LABELS`, also as `rag eval agreement CORPUS LABELS`."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from eval.agreeing import MeasureAgreement
from eval.bootstrap import open_evaluation
from eval.commands import named_judge, shared_options, show_report, tell
from eval.label_sets import LabelledItem
from eval.labelled_answers import read_labelled_answers
from rag_service.api.run_report import Report
from rag_service.cli.context import Refusal, secret_of
from rag_service.domain.agreements import AGREEMENT_SUITE
from rag_service.errors import RagError
from rag_service.settings import read_settings


@click.command()
@click.argument("corpus")
@click.argument("labels", type=click.Path(path_type=Path))
@shared_options
def main(labels: Path, *, out: Path, prints_json: bool, **options: Any) -> None:
    """Measure how far the judge and the verifier agree with people who labelled answers of a corpus.

    LABELS are lines of `rag eval export`, each with "label": "supported" or "not_supported" added. What is found stands
    from then on beside the scores of that judge and of that verifier over the corpus.
    """
    try:
        items = read_labelled_answers(labels)
        report = asyncio.run(_measured(items, source=labels.name, **options))
    except RagError as exc:
        raise Refusal(exc, as_json=prints_json) from exc
    show_report(report, out=out, prints_json=prints_json)


async def _measured(items: Sequence[LabelledItem], *, source: str, corpus: str, **options: Any) -> Report:
    started_at, start, settings = datetime.now(UTC), time.monotonic(), read_settings()
    judge = named_judge(settings.evaluation, options["judge_url"], options["judge_model"], options["judge_key"])
    async with open_evaluation(settings, secret_of(options["key"], options["key_file"])) as evaluation:
        measure = MeasureAgreement(evaluation, judge=judge)
        section = await measure(corpus, items, source=source, tell=tell)
        tell("")
    return Report(
        suite=AGREEMENT_SUITE,
        started_at=started_at,
        duration_s=time.monotonic() - start,
        made_with=section.made_with,
        sections=[section],
    )


if __name__ == "__main__":
    main()
