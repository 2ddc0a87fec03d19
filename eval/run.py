"""`python -m eval.run SUITE`, also as `rag eval run SUITE`."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from eval.bootstrap import open_evaluation
from eval.commands import named_judge, shared_options, show_report, tell
from eval.running import Plan, run_suite
from eval.suites import LabelsSuite, RetrievalSuite, read_suite, suite_names
from rag_service.api.run_report import Report
from rag_service.cli.context import Refusal, connect, secret_of
from rag_service.errors import InvalidRequest, RagError
from rag_service.settings import read_settings

MISSED = 4
_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@click.command(
    epilog="\b\nExit codes:\n  0  measured, and no target missed; absent data is skipped\n"
    "  1  could not be measured\n  2  the command was not understood\n  4  a target was missed"
)
@click.argument("suite", metavar=f"[{'|'.join(suite_names())}]")
@click.option("--corpus", help="Corpus to use instead of the suite's own: NAME, NAME@VERSION or NAME@draft.")
@click.option(
    "--data", default=_DATA, type=click.Path(path_type=Path), show_default=True, help="Folder with the data sets."
)
@click.option("--set", "only", multiple=True, help="Only this set of a retrieval suite (repeatable).")
@click.option("--limit", type=click.IntRange(1), help="At most this many queries or questions of each set.")
@click.option("--url", envvar="RAGCTL_URL", help="Address of the service (RAGCTL_URL).")
@click.option("--ragas/--no-ragas", "with_ragas", default=True, help="Measure RAGAS metrics too (the default).")
@click.option("--again", "is_fresh", is_flag=True, help="Ask also what another run asked of this version already.")
@shared_options
def main(suite: str, *, out: Path, prints_json: bool, **options: Any) -> None:
    """Measure a suite against the running service. What is asked of a corpus is kept as a run of it.

    golden asks the golden questions of any corpus; sample those that ship with the handbook.
    """
    try:
        report = asyncio.run(_run(suite, options))
    except RagError as exc:
        raise Refusal(exc, as_json=prints_json) from exc
    show_report(report, out=out, prints_json=prints_json)
    sys.exit(MISSED if report.passed is False else 0)


async def _run(name: str, options: dict[str, Any]) -> Report:
    settings = read_settings()
    plan = Plan(
        name=name,
        suite=read_suite(name),
        data=options["data"],
        corpus=options["corpus"],
        limit=options["limit"],
        only=frozenset(options["only"]),
        judge=named_judge(settings.evaluation, options["judge_url"], options["judge_model"], options["judge_key"]),
        with_ragas=options["with_ragas"],
        is_fresh=options["is_fresh"],
    )
    _check_sets(plan)
    secret = secret_of(options["key"], options["key_file"])
    with connect(options["url"], secret, None) as client:
        async with open_evaluation(settings, secret) as evaluation:
            report = await run_suite(plan, evaluation, client, tell=tell)
            tell("")
            return report


def _check_sets(plan: Plan) -> None:
    known = {one.folder for one in plan.suite.sets} if isinstance(plan.suite, RetrievalSuite | LabelsSuite) else set()
    if unknown := sorted(plan.only - known):
        raise InvalidRequest(
            f"The suite {plan.name} has no set {unknown[0]}. It has {', '.join(sorted(known)) or 'none'}."
        )


if __name__ == "__main__":
    main()
